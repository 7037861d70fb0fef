#include "addon/blob/ring.h"

namespace podrun {

std::span<uint8_t> ChunkRing::acquire() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || published_ - slowest() < chunks; });
  if (stopped_) throw RingStopped{};
  return {memory_.data() + published_ % chunks * chunkBytes, chunkBytes};
}

void ChunkRing::publish(size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    filled_[published_ % chunks] = bytes;
    published_ += 1;
  }
  changed_.notify_all();
}

std::span<const uint8_t> ChunkRing::take(size_t consumer) {
  std::unique_lock lock(mutex_);
  if (holding_[consumer]) {
    // The end stays where it is, however often it is asked for.
    if (filled_[taken_[consumer] % chunks] == 0) return {};
    taken_[consumer] += 1;
    holding_[consumer] = false;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return stopped_ || published_ > taken_[consumer]; });
  if (stopped_) throw RingStopped{};
  holding_[consumer] = true;
  size_t slot = taken_[consumer] % chunks;
  return {memory_.data() + slot * chunkBytes, filled_[slot]};
}

void ChunkRing::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

}  // namespace podrun
