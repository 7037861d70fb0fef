// Feeds the tar reader, and the whole unpacker in a scratch directory, with damaged archives.
//
// With clang it is a libFuzzer target: -fsanitize=fuzzer,address,undefined, with
// native/addon/{unpack,tar,blob}/*.cc, -Inative -D_GNU_SOURCE -std=gnu++20 and -lisal -lzstd -lcrypto; then
// ./unpack-fuzz CORPUS. With gcc, which has no fuzzer of its own, -DSTANDALONE makes it a program that
// damages its seeds at random:
// ./unpack-fuzz SECONDS SEED-FILE...

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "addon/tar/reader.h"
#include "addon/unpack/layer.h"
#include "addon/unpack/remove.h"

namespace {

using namespace podrun;

/** Hands the input out in pieces of changing length, so that blocks straddle them. */
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::span<const uint8_t> bytes, size_t seed) : left_(bytes), seed_(seed) {}
  std::span<const uint8_t> next() override {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    auto piece = left_.first(std::min<size_t>(left_.size(), 1 + (seed_ >> 33) % 1500));
    left_ = left_.subspan(piece.size());
    return piece;
  }

 private:
  std::span<const uint8_t> left_;
  size_t seed_;
};

void readArchive(std::span<const uint8_t> bytes) {
  PieceSource source(bytes, bytes.size());
  TarReader reader(source);
  TarEntry entry;
  try {
    while (reader.next(entry)) {
      // Every other entry's data is left to next() to skip.
      if (entry.name.size() % 2 == 0) continue;
      while (!reader.data().empty()) continue;
    }
    reader.drain();
  } catch (const LayerError&) {
  }
}

/** Unpacks into <scratch>/into. Whatever the archive says, its neighbour stays as it is. */
void unpackArchive(std::span<const uint8_t> bytes, const std::string& scratch) {
  std::string into = scratch + "/into";
  std::string canary = scratch + "/canary";
  unique_fd blob(memfd_create("blob", MFD_CLOEXEC));
  if (write(blob.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) abort();
  if (mkdir(into.c_str(), 0700) != 0 && errno != EEXIST) abort();
  std::atomic<bool> cancelled{false};
  UnpackOptions options{
      "/proc/self/fd/" + std::to_string(blob.get()), Compression::none, into, {1 << 20, 1000}};
  if (bytes.size() > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b) options.compression = Compression::gzip;
  if (bytes.size() > 1 && bytes[0] == 0x28 && bytes[1] == 0xb5) options.compression = Compression::zstd;
  (void)unpackLayer(options, cancelled);
  removeTree(into);
  struct stat info = {};
  if (stat(canary.c_str(), &info) != 0 || info.st_size != 6 || info.st_nlink != 1 || info.st_mtime != 1000)
    abort();
}

const std::string& scratchDirectory() {
  static const std::string path = [] {
    char name[] = "/dev/shm/podrun-fuzz-XXXXXX";
    if (!mkdtemp(name)) abort();
    std::string canary = std::string(name) + "/canary";
    unique_fd fd(open(canary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const timespec times[2] = {{1000, 0}, {1000, 0}};
    if (write(fd.get(), "canary", 6) != 6 || futimens(fd.get(), times) != 0) abort();
    return std::string(name);
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  readArchive({data, size});
  unpackArchive({data, size}, scratchDirectory());
  return 0;
}

#ifdef STANDALONE
namespace {

using Input = std::vector<uint8_t>;

/** Changes some bytes, and as often as not makes the checksums right again: most faults lie behind them. */
Input damage(Input input, std::mt19937& random) {
  auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t i = 1 + below(6); i > 0 && !input.empty(); i -= 1) {
    static const char interesting[] = {0,   1,    '/', '.', '0',    '7',    '9',
                                       ' ', '\n', '=', '-', '\x7f', '\x80', '\xff'};
    size_t at = below(input.size());
    switch (below(4)) {
      case 0:
        input[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        input[at] = static_cast<uint8_t>(interesting[below(sizeof interesting)]);
        break;
      case 2:
        input[at / 512 * 512 + below(std::min<size_t>(512, input.size() - at / 512 * 512))] ^= 1 << below(8);
        break;
      default:
        if (below(8) == 0) input.resize(at);
    }
  }
  if (below(4) == 0) return input;
  for (size_t at = 0; at + 512 <= input.size(); at += 512) {
    if (input[at] == 0 || std::memcmp(&input[at + 257], "ustar", 5) != 0) continue;
    std::fill_n(&input[at + 148], 8, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i += 1) sum += input[at + i];
    std::snprintf(reinterpret_cast<char*>(&input[at + 148]), 8, "%06o", sum);
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<Input> seeds;
  for (int i = 2; i < count; i += 1) {
    std::ifstream file(arguments[i], std::ios::binary);
    if (!file) return 2;
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) return 2;
  std::mt19937 random(std::random_device{}());
  size_t runs = 0;
  for (time_t end = time(nullptr) + atoi(arguments[1]); time(nullptr) < end; runs += 1) {
    Input input = damage(seeds[random() % seeds.size()], random);
    // Left behind for whoever looks into a crash.
    std::ofstream("last-input", std::ios::binary).write(reinterpret_cast<char*>(input.data()), input.size());
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  removeTree(scratchDirectory());
  std::printf("%zu runs\n", runs);
}
#endif
