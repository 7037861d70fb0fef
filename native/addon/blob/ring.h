#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace podrun {

/** Thrown out of a waiting side when another side has given up; that side knows why. */
struct RingStopped {};

/**
 * A bounded queue of large buffers with one producer and two consumers that each see every buffer: what
 * bounds the memory of one unpack, and lets inflating, hashing and writing overlap.
 */
class ChunkRing {
 public:
  // 2 MiB in all: measured no slower than 8 MiB, and what the producer leaves is still in the second-level
  // cache.
  static constexpr size_t chunkBytes = 256 * 1024;
  static constexpr size_t chunks = 8;
  static constexpr size_t consumers = 2;

  ChunkRing() : memory_(chunkBytes * chunks) {}

  /** Producer: the next free buffer, waiting until both consumers are through with it. */
  std::span<uint8_t> acquire();
  /** Producer: hands out the first `bytes` of the buffer; none mean the end. */
  void publish(size_t bytes);
  /** Consumer: gives the last buffer back and takes the next; empty at the end. */
  std::span<const uint8_t> take(size_t consumer);
  /** Any side: wakes all, now and later, with RingStopped. */
  void stop();

 private:
  uint64_t slowest() const { return taken_[0] < taken_[1] ? taken_[0] : taken_[1]; }

  std::vector<uint8_t> memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<size_t, chunks> filled_ = {};
  uint64_t published_ = 0;
  /** Buffers each consumer is through with. */
  std::array<uint64_t, consumers> taken_ = {};
  std::array<bool, consumers> holding_ = {};
  bool stopped_ = false;
};

}  // namespace podrun
