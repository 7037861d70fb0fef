#include "sandbox/streams/logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <vector>

#include "sandbox/streams/clock.h"
#include "sandbox/streams/scratch.h"

namespace podrun {
namespace {

constexpr size_t kMaxText =
    16384;              // containerd's max_container_log_line_size, which readers of CRI logs expect
iovec batchParts[768];  // one thread, and every batch is flushed before its stream's handler returns

}  // namespace

Status LogFile::open(const LogOptions& options) {
  options_ = options;
  const size_t slash = options.path.rfind('/');
  if (slash == std::string::npos) return SysError::refused("not an absolute path", options.path);
  name_ = options.path.substr(slash + 1);
  const std::string directory = options.path.substr(0, slash + 1);
  directory_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) return SysError::last("open", directory);
  batch_ = batchParts;
  return openFile();
}

Status LogFile::openFile() {
  file_.reset(openat(directory_.get(), name_.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640));
  if (!file_) return SysError::last("open", options_.path);
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return SysError::last("fstat", options_.path);
  if (!S_ISREG(info.st_mode)) return SysError::refused("not a regular file", options_.path);
  size_ = static_cast<uint64_t>(info.st_size);
  return Done{};
}

void LogFile::close() {
  file_.reset();
  directory_.reset();
}

void LogFile::add(std::string_view prefix, std::string_view text, bool newline) {
  const uint64_t bytes = prefix.size() + text.size() + (newline ? 0 : 1);
  const bool full =
      options_.maxBytes != 0 && size_ + batchBytes_ + bytes > options_.maxBytes && size_ + batchBytes_ > 0;
  if (full || batchParts_ + 3 > kBatch * 2) flush();
  if (full) rotate();
  static char end = '\n';
  batch_[batchParts_++] = iovec{const_cast<char*>(prefix.data()), prefix.size()};
  batch_[batchParts_++] = iovec{const_cast<char*>(text.data()), text.size()};
  if (!newline) batch_[batchParts_++] = iovec{&end, 1};
  batchBytes_ += bytes;
}

void LogFile::flush() {
  const size_t count = batchParts_;
  batchParts_ = 0;
  batchBytes_ = 0;
  if (count != 0 && file_) write(batch_, count);
}

void LogFile::write(iovec* parts, size_t count) {
  static char end = '\n';
  if (torn_) {
    // Space is back after a record was cut off: end that line, so that the next one is whole.
    if (::write(file_.get(), &end, 1) != 1) return lose(parts, count);
    size_++;
    torn_ = false;
  }
  while (count > 0) {
    const ssize_t written = writev(file_.get(), parts, static_cast<int>(count));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return lose(parts, count);
    size_ += static_cast<uint64_t>(written);
    size_t left = static_cast<size_t>(written);
    while (count > 0 && left >= parts->iov_len) {
      left -= parts->iov_len;
      parts++;
      count--;
    }
    torn_ = count > 0;
    if (count == 0) return;
    parts->iov_base = static_cast<char*>(parts->iov_base) + left;
    parts->iov_len -= left;
  }
}

void LogFile::lose(const iovec* parts, size_t count) {
  for (size_t i = 0; i < count; ++i) lost_ += parts[i].iov_len;
}

void LogFile::rotate() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char stamp[kTimestampSize];
  writeTimestamp(now, stamp);
  // The kubelet's form of time, with a fraction: a container can fill a small log many times a second.
  std::string rotated = name_ + ".";
  for (const char c : std::string_view(stamp, kTimestampSize - 1)) {
    if (c == 'T') rotated.push_back('-');
    if (c == '.' || (c >= '0' && c <= '9')) rotated.push_back(c);
  }
  if (renameat(directory_.get(), name_.c_str(), directory_.get(), rotated.c_str()) != 0) return;
  // Without a new file (no inodes left) the old one goes on under its old name.
  unique_fd old = std::move(file_);
  if (!openFile()) {
    renameat(directory_.get(), rotated.c_str(), directory_.get(), name_.c_str());
    file_ = std::move(old);
    return;
  }
  torn_ = false;
  prune();
}

/** The kubelet's count: containerLogMaxFiles includes the file that is being written. */
void LogFile::prune() {
  unique_fd directory(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* entries = directory ? fdopendir(directory.get()) : nullptr;
  if (entries == nullptr) return;
  directory.release();
  std::vector<std::string> rotated;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name.size() > name_.size() + 1 && name.starts_with(name_) && name[name_.size()] == '.')
      rotated.emplace_back(name);
  }
  closedir(entries);
  const size_t keep = options_.maxFiles > 1 ? static_cast<size_t>(options_.maxFiles) - 1 : 0;
  std::sort(rotated.begin(), rotated.end());
  for (size_t i = 0; i + keep < rotated.size(); i++) unlinkat(directory_.get(), rotated[i].c_str(), 0);
}

size_t LogStream::carried() {
  memcpy(scratch, carry_.data(), carry_.size());
  return carry_.size();
}

void LogStream::take(size_t bytes) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char time[kTimestampSize];
  writeTimestamp(now, time);
  // "F" ends a line, "P" goes on with the next record of the same stream.
  const std::string common = std::string(time, kTimestampSize) + " " + name_;
  const std::string whole = common + " F ";
  const std::string partial = common + " P ";
  std::string_view rest(scratch, carry_.size() + bytes);
  while (!rest.empty()) {
    const size_t newline = rest.substr(0, kMaxText + 1).find('\n');
    if (newline != std::string_view::npos) {
      file_.add(whole, rest.substr(0, newline + 1), true);
      rest.remove_prefix(newline + 1);
    } else if (rest.size() > kMaxText) {
      file_.add(partial, rest.substr(0, kMaxText), false);
      rest.remove_prefix(kMaxText);
    } else {
      break;
    }
  }
  file_.flush();
  if (rest.empty()) {
    std::string().swap(carry_);
  } else {
    carry_.assign(rest);
  }
}

void LogStream::finish() {
  if (carry_.empty()) return;
  const std::string prefix = timestampNow() + " " + name_ + " P ";
  file_.add(prefix, carry_, false);
  file_.flush();
  carry_.clear();
}

}  // namespace podrun
