#include "addon/blob/inflate.h"

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>

#include "addon/layer_error.h"

namespace podrun {

BlobFile::BlobFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
  if (!fd_) failCall("open", path);
  struct stat info = {};
  if (fstat(fd_.get(), &info) < 0) failCall("fstat", path);
  if (!S_ISREG(info.st_mode)) refuse(Refusal::malformed, "the blob is not a regular file");
  size_ = static_cast<uint64_t>(info.st_size);
  ssize_t got = pread(fd_.get(), magic_, sizeof magic_, 0);
  if (got < 0) failCall("pread", path);
  magicBytes_ = static_cast<size_t>(got);
  posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

size_t BlobFile::readInto(std::span<uint8_t> out) {
  size_t filled = 0;
  while (filled < out.size()) {
    ssize_t got = ::read(fd_.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failCall("read");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

std::span<uint8_t> BlobFile::next() {
  buffer_.resize(bufferBytes);
  return {buffer_.data(), readInto(buffer_)};
}

namespace {

bool startsWith(std::span<const uint8_t> bytes, std::initializer_list<uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

class PlainReader final : public Inflater {
 public:
  explicit PlainReader(BlobFile& blob) : blob_(blob) {}
  size_t read(std::span<uint8_t> out) override { return blob_.readInto(out); }

 private:
  BlobFile& blob_;
};

/** RFC 1952: one or more members, each with its own CRC-32 and length, and nothing after the last. */
class GzipReader final : public Inflater {
 public:
  explicit GzipReader(BlobFile& blob) : blob_(blob), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    state_->avail_in = 0;
  }

  size_t read(std::span<uint8_t> out) override {
    state_->next_out = out.data();
    state_->avail_out = static_cast<uint32_t>(out.size());
    while (state_->avail_out > 0 && !ended_) step();
    return out.size() - state_->avail_out;
  }

 private:
  void step() {
    if (state_->avail_in == 0 && !inputEnded_) refill();
    if (state_->block_state == ISAL_BLOCK_FINISH) {
      if (state_->avail_in == 0) {
        ended_ = true;
        return;
      }
      // The reset keeps next_in; what follows must be a further member or isal_inflate says
      // ISAL_INVALID_WRAPPER.
      isal_inflate_reset(state_.get());
      state_->crc_flag = ISAL_GZIP;
      members_ += 1;
    }
    uint32_t room = state_->avail_out;
    uint32_t input = state_->avail_in;
    int result = isal_inflate(state_.get());
    if (result < 0 || result == ISAL_NEED_DICT) complain(result);
    bool stuck = state_->avail_out == room && state_->avail_in == input;
    if (stuck && inputEnded_ && state_->block_state != ISAL_BLOCK_FINISH) {
      refuse(Refusal::truncated, "the gzip stream ends early");
    }
  }

  void refill() {
    std::span<uint8_t> piece = blob_.next();
    state_->next_in = piece.data();
    state_->avail_in = static_cast<uint32_t>(piece.size());
    inputEnded_ = piece.empty();
  }

  [[noreturn]] void complain(int result) {
    if (result == ISAL_INCORRECT_CHECKSUM) {
      refuse(Refusal::malformed, "the gzip stream fails its CRC or length check");
    }
    if (result == ISAL_INVALID_WRAPPER && members_ > 0) {
      refuse(Refusal::malformed, "there are bytes after the end of the gzip stream");
    }
    refuse(Refusal::malformed, "the gzip stream is damaged");
  }

  BlobFile& blob_;
  std::unique_ptr<inflate_state> state_;
  int members_ = 0;
  bool inputEnded_ = false;
  bool ended_ = false;
};

/** RFC 8878: any number of frames, skippable ones among them (zstd:chunked keeps its table in one). */
class ZstdReader final : public Inflater {
 public:
  explicit ZstdReader(BlobFile& blob) : blob_(blob), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    // The library's own default, made explicit: a frame may ask for 128 MiB at most (`zstd --ultra -22`);
    // what tools write at their usual levels asks for 2 to 8 MiB.
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 27);
  }

  size_t read(std::span<uint8_t> out) override {
    ZSTD_outBuffer sink = {out.data(), out.size(), 0};
    while (sink.pos < sink.size) {
      if (input_.pos == input_.size && !inputEnded_) refill();
      size_t before = sink.pos;
      if (input_.pos == input_.size && frameEnded_) break;
      size_t result = ZSTD_decompressStream(context_.get(), &sink, &input_);
      if (ZSTD_isError(result)) {
        refuse(Refusal::malformed, std::string("the zstd stream is damaged: ") + ZSTD_getErrorName(result));
      }
      frameEnded_ = result == 0;
      if (inputEnded_ && !frameEnded_ && sink.pos == before) {
        refuse(Refusal::truncated, "the zstd stream ends early");
      }
    }
    return sink.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  void refill() {
    std::span<uint8_t> piece = blob_.next();
    input_ = {piece.data(), piece.size(), 0};
    inputEnded_ = piece.empty();
  }

  BlobFile& blob_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer input_ = {nullptr, 0, 0};
  bool inputEnded_ = false;
  bool frameEnded_ = false;
};

}  // namespace

std::unique_ptr<Inflater> makeInflater(BlobFile& blob, Compression compression) {
  bool gzip = startsWith(blob.magic(), {0x1f, 0x8b});
  // The second form is a skippable frame, which may come first.
  bool zstd = startsWith(blob.magic(), {0x28, 0xb5, 0x2f, 0xfd}) ||
              (blob.magic().size() == 4 && (blob.magic()[0] & 0xf0) == 0x50 && blob.magic()[1] == 0x2a &&
               blob.magic()[2] == 0x4d && blob.magic()[3] == 0x18);
  switch (compression) {
    case Compression::none:
      // A tar may begin with any byte, but a member name that begins with one of these magics is no accident.
      if (gzip || zstd)
        refuse(Refusal::malformed, "the blob is compressed, but its media type says it is not");
      return std::make_unique<PlainReader>(blob);
    case Compression::gzip:
      if (blob.size() == 0) refuse(Refusal::truncated, "the blob is empty, not a gzip stream");
      if (!gzip) refuse(Refusal::malformed, "the blob is not a gzip stream, but its media type says so");
      return std::make_unique<GzipReader>(blob);
    case Compression::zstd:
      if (blob.size() == 0) refuse(Refusal::truncated, "the blob is empty, not a zstd stream");
      if (!zstd) refuse(Refusal::malformed, "the blob is not a zstd stream, but its media type says so");
      return std::make_unique<ZstdReader>(blob);
  }
  refuse(Refusal::unsupported, "unknown compression");
}

}  // namespace podrun
