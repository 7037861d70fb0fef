#pragma once

#include "base/error.h"
#include "base/oci.h"

namespace podrun {

/**
 * The working directory, made (0755) when missing, by a descriptor below `root` and never through one of
 * /proc's magic links; afterwards it must be seen inside the root (CVE-2024-21626).
 */
Status enterWorkingDirectory(int root, const std::string& path);

/**
 * Becomes the program: args[0] as it stands when it has a slash, else the first of the directories in the
 * process's own PATH that has it. Returns only on failure, with the path tried.
 */
SysError execProgram(const oci::Process& process);

/** What a shell would exit with for this failure of exec: 127 not found, 126 cannot be run. */
int execExitCode(const SysError& error);

}  // namespace podrun
