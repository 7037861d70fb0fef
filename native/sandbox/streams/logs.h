#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

struct LogOptions {
  std::string path;
  uint64_t maxBytes = 0;
  int64_t maxFiles = 0;
};

/**
 * One container's log in the CRI format, `<RFC3339Nano> stdout|stderr F|P <text>`. Rotated by renaming
 * (`0.log` to `0.log.<yyyymmdd-hhmmss.nnnnnnnnn>`), never by truncation: a reader keeps the file that it has
 * open.
 */
class LogFile {
 public:
  /** Opens or makes the file; its directory exists. */
  Status open(const LogOptions& options);
  bool isOpen() const { return static_cast<bool>(file_); }
  void close();

  /** Adds one record to the batch; the text must stay where it is until flush(). */
  void add(std::string_view prefix, std::string_view text, bool newline);
  /** Writes the batch. What a full disk does not take is dropped: the container must not wait for it. */
  void flush();
  /** Bytes of records that were dropped. */
  uint64_t lost() const { return lost_; }

 private:
  static constexpr size_t kBatch = 384;  // parts of records; IOV_MAX is 1024

  Status openFile();
  void rotate();
  void prune();
  void write(iovec* parts, size_t count);
  void lose(const iovec* parts, size_t count);

  LogOptions options_;
  std::string name_;
  unique_fd directory_;
  unique_fd file_;
  uint64_t size_ = 0;
  uint64_t lost_ = 0;
  bool torn_ = false;  // the file ends within a record
  iovec* batch_ = nullptr;
  size_t batchParts_ = 0;
  uint64_t batchBytes_ = 0;
};

/** Cuts one stream of a container into records. */
class LogStream {
 public:
  LogStream(LogFile& file, const char* name) : file_(file), name_(name) {}
  /**
   * Takes what has just been read to `scratch + carried()`. Records go to the file at once, except for a line
   * that has not ended: that waits for its end, or until there are 16384 bytes of it.
   */
  void take(size_t bytes);
  /** A last line without an end is written as a partial record. */
  void finish();
  /** Puts what waits for the end of its line at the start of the scratch buffer; returns how much that is. */
  size_t carried();

 private:
  LogFile& file_;
  const char* name_;
  std::string carry_;
};

}  // namespace podrun
