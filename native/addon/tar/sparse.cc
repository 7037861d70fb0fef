#include "addon/tar/sparse.h"

#include <utility>

#include "addon/layer_error.h"

namespace podrun {
namespace {

/** A map is read into memory before the data; real ones have some hundred pieces. */
constexpr size_t piecesMax = 65536;

[[noreturn]] void badMap(const char* reason) {
  refuse(Refusal::malformed, std::string("the map of the sparse file ") + reason);
}

void addPiece(SparseMap& map, int64_t offset, int64_t bytes) {
  if (offset < 0 || bytes < 0) badMap("has a negative number");
  if (map.pieces.size() >= piecesMax)
    refuse(Refusal::limit, "the map of the sparse file is past 65536 pieces");
  map.pieces.push_back({static_cast<uint64_t>(offset), static_cast<uint64_t>(bytes)});
}

/** `count` pairs of 12-byte fields, the first unused one being empty. */
void readPairs(SparseMap& map, TarBlock block, size_t at, int count) {
  for (int i = 0; i < count; i += 1, at += 24) {
    if (block[at] == 0) return;
    addPiece(map, tarNumber(block, at, 12, "a sparse offset"),
             tarNumber(block, at + 12, 12, "a sparse length"));
  }
}

/** Decimal numbers, one a line, over as many blocks as they need (format 1.0). */
class NumberReader {
 public:
  NumberReader(SparseMap& map, const NextBlock& next, uint64_t limit)
      : map_(map), next_(next), limit_(limit) {}

  int64_t number() {
    int64_t value = 0;
    for (int digits = 0;; digits += 1) {
      char c = character();
      if (c == '\n' && digits > 0) return value;
      if (c < '0' || c > '9' || digits > 17) badMap("is not made of numbers");
      value = value * 10 + (c - '0');
    }
  }

 private:
  char character() {
    if (at_ == tarBlockBytes) {
      if (map_.mapBytes + tarBlockBytes > limit_) badMap("is longer than the file");
      TarBlock block = next_();
      std::copy(block.begin(), block.end(), block_);
      map_.mapBytes += tarBlockBytes;
      at_ = 0;
    }
    return static_cast<char>(block_[at_++]);
  }

  SparseMap& map_;
  const NextBlock& next_;
  uint64_t limit_;
  uint8_t block_[tarBlockBytes] = {};
  size_t at_ = tarBlockBytes;
};

}  // namespace

SparseMap readGnuSparse(TarBlock header, const NextBlock& next) {
  SparseMap map;
  map.realSize = tarNumber(header, 483, 12, "the size of the sparse file");
  readPairs(map, header, 386, 4);
  bool more = header[482] != 0;
  while (more) {
    TarBlock block = next();
    readPairs(map, block, 0, 21);
    more = block[504] != 0;
    // An extension without a single pair could go on for ever.
    if (more && block[0] == 0) badMap("has an empty extension");
  }
  return map;
}

SparseMap readPaxSparse(const PaxRecords::Sparse& sparse, uint64_t storedBytes, const NextBlock& next) {
  SparseMap map;
  if (!sparse.realSize) badMap("has no size");
  map.realSize = *sparse.realSize;
  if (sparse.version == "1") {
    NumberReader reader(map, next, storedBytes);
    for (int64_t left = reader.number(); left > 0; left -= 1) {
      int64_t offset = reader.number();
      addPiece(map, offset, reader.number());
    }
    return map;
  }
  if (sparse.version != "0") refuse(Refusal::unsupported, "sparse files of format " + sparse.version);
  if (sparse.numbers.size() % 2 != 0) badMap("has an odd number of entries");
  for (size_t i = 0; i < sparse.numbers.size(); i += 2)
    addPiece(map, sparse.numbers[i], sparse.numbers[i + 1]);
  return map;
}

void checkSparse(const SparseMap& map, uint64_t storedBytes) {
  if (map.realSize < 0) badMap("has a negative size");
  auto size = static_cast<uint64_t>(map.realSize);
  uint64_t end = 0;
  uint64_t sum = 0;
  for (const SparsePiece& piece : map.pieces) {
    if (piece.offset < end || piece.offset > size || piece.bytes > size - piece.offset) {
      badMap("overlaps itself or leaves the file");
    }
    end = piece.offset + piece.bytes;
    sum += piece.bytes;
  }
  if (sum != storedBytes) badMap("does not add up to what is stored");
}

}  // namespace podrun
