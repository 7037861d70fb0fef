#pragma once

#include <string>

namespace podrun {

/**
 * Removes `name` and all that is beneath it, by descriptor and without following a link. Stops at mount
 * points.
 * @throws LayerError with the failing call
 */
void removeBeneath(int dir, const std::string& name);

/** The same for a path; no error when it is gone. */
void removeTree(const std::string& path);

/** syncfs(2) of the filesystem that holds `path`. */
void syncFilesystem(const std::string& path);

}  // namespace podrun
