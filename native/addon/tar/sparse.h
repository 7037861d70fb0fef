#pragma once

#include <functional>
#include <vector>

#include "addon/tar/header.h"
#include "addon/tar/pax.h"

namespace podrun {

/** Where the data of a sparse file goes. */
struct SparseMap {
  int64_t realSize = 0;
  std::vector<SparsePiece> pieces;
  /** Blocks of the map that preceded the data. */
  uint64_t mapBytes = 0;
};

/** Reads the next block of the stream. */
using NextBlock = std::function<TarBlock()>;

/** The map of GNU tar's old format: in the header, going on in blocks of its own. */
SparseMap readGnuSparse(TarBlock header, const NextBlock& next);

/** The map of the PAX formats 0.0, 0.1 and 1.0. */
SparseMap readPaxSparse(const PaxRecords::Sparse& sparse, uint64_t storedBytes, const NextBlock& next);

/** @throws LayerError unless the pieces ascend, stay within the file and add up to what is stored. */
void checkSparse(const SparseMap& map, uint64_t storedBytes);

}  // namespace podrun
