#include "addon/unpack/layer.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>

#include "addon/blob/digest.h"
#include "addon/blob/ring.h"
#include "addon/tar/reader.h"

namespace podrun {
namespace {

enum Consumer : size_t { hashing, writing };

class RingSource final : public ByteSource {
 public:
  explicit RingSource(ChunkRing& ring) : ring_(ring) {}
  std::span<const uint8_t> next() override { return ring_.take(writing); }

 private:
  ChunkRing& ring_;
};

uint64_t saturatingSum(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/**
 * Bytes the uncompressed stream may have. Deflate cannot do better than 1032 to 1, so the ratio only ever
 * stops a zstd bomb; both stop what stands between and after the entries, which the limits on these do not
 * see.
 */
uint64_t streamLimit(uint64_t blobBytes, const UnpackLimits& limits) {
  constexpr uint64_t always = 256 << 20;
  constexpr uint64_t ratio = 1100;
  constexpr uint64_t headersPerEntry = 4096;
  uint64_t headers = 0;
  if (__builtin_mul_overflow(limits.maxEntries, headersPerEntry, &headers)) headers = UINT64_MAX;
  uint64_t byLimits = saturatingSum(saturatingSum(limits.maxBytes, headers), 16 << 20);
  return std::min(byLimits,
                  std::max(always, blobBytes > UINT64_MAX / ratio ? UINT64_MAX : blobBytes * ratio));
}

class Unpack {
 public:
  Unpack(const UnpackOptions& options, const std::atomic<bool>& cancelled)
      : options_(options), cancelled_(cancelled) {}

  UnpackedLayer run() {
    // Joined in the reverse order, before anything they use goes; a ring that is stopped lets them end.
    std::thread inflater([this] { guard(&Unpack::inflate); });
    Join joinInflater{ring_, inflater};
    std::thread hasher([this] { guard(&Unpack::hash); });
    Join joinHasher{ring_, hasher};
    guard(&Unpack::write);
    if (hasher.joinable()) hasher.join();
    if (inflater.joinable()) inflater.join();
    if (error_) throw std::move(*error_);
    return std::move(result_);
  }

 private:
  struct Join {
    ChunkRing& ring;
    std::thread& thread;
    ~Join() {
      if (!thread.joinable()) return;
      ring.stop();
      thread.join();
    }
  };

  /** The first failure counts, and ends the other two. */
  void guard(void (Unpack::*stage)()) {
    try {
      (this->*stage)();
      return;
    } catch (LayerError& error) {
      fail(std::move(error));
    } catch (const RingStopped&) {
      return;
    } catch (const std::bad_alloc&) {
      fail(LayerError{{}, {}, {}, SysError{ENOMEM, "malloc", {}, {}}});
    } catch (const std::exception& error) {
      // Nothing here throws another; but what leaves a thread ends the process.
      fail(LayerError{refusalCode(Refusal::malformed), error.what(), {}, {}});
    }
  }

  void fail(LayerError error) {
    {
      std::lock_guard lock(errorMutex_);
      if (!error_) error_ = std::move(error);
    }
    ring_.stop();
  }

  void inflate() {
    BlobFile blob(options_.blob);
    std::unique_ptr<Inflater> inflater = makeInflater(blob, options_.compression);
    uint64_t limit = streamLimit(blob.size(), options_.limits);
    uint64_t total = 0;
    for (size_t bytes = ChunkRing::chunkBytes; bytes == ChunkRing::chunkBytes;) {
      std::span<uint8_t> chunk = ring_.acquire();
      if (cancelled_.load(std::memory_order_relaxed)) refuse(Refusal::cancelled, "unpacking was cancelled");
      bytes = inflater->read(chunk);
      total += bytes;
      if (total > limit)
        refuse(Refusal::limit, "the layer is past " + std::to_string(limit) + " bytes uncompressed");
      if (bytes > 0) ring_.publish(bytes);
    }
    ring_.acquire();
    ring_.publish(0);
  }

  void hash() {
    Sha256 sha;
    for (auto bytes = ring_.take(hashing); !bytes.empty(); bytes = ring_.take(hashing)) sha.update(bytes);
    result_.diffId = sha.finish();
  }

  void write() {
    RingSource source(ring_);
    TarReader reader(source);
    LayerTree tree(options_.into, options_.limits.maxEntries);
    LayerWriter writer(tree, reader, options_.limits);
    TarEntry entry;
    try {
      while (true) {
        entry.name.clear();
        if (!reader.next(entry)) break;
        writer.write(entry);
      }
      entry.name.clear();
      reader.drain();
      writer.finish();
    } catch (LayerError& error) {
      if (error.path.empty()) error.path = entry.name;
      throw;
    }
    result_.entries = writer.entries();
    result_.sizeBytes = writer.bytes();
  }

  const UnpackOptions& options_;
  const std::atomic<bool>& cancelled_;
  ChunkRing ring_;
  std::mutex errorMutex_;
  std::optional<LayerError> error_;
  UnpackedLayer result_;
};

}  // namespace

std::variant<UnpackedLayer, LayerError> unpackLayer(const UnpackOptions& options,
                                                    const std::atomic<bool>& cancelled) {
  try {
    return Unpack(options, cancelled).run();
  } catch (LayerError& error) {
    return std::move(error);
  } catch (const std::bad_alloc&) {
    return LayerError{{}, {}, {}, SysError{ENOMEM, "malloc", {}, {}}};
  } catch (const std::system_error& error) {
    return LayerError{{}, {}, {}, SysError{error.code().value(), "pthread_create", {}, {}}};
  }
}

}  // namespace podrun
