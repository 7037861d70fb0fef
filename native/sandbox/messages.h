#pragma once

#include "base/json.h"
#include "init/report.h"
#include "sandbox/connection.h"
#include "sandbox/containers.h"

namespace podrun {

/** Pieces of PROTOCOL.md's messages. */

/** exitCode, signal, oomKilled, pid, startedAt, finishedAt. */
void addExit(json::Object& object, const ExitRecord& record);
/** step, errno, syscall, path, message, exitCode, as far as known. */
void addFailure(json::Object& object, const Report& failure);

/** Reads the parameters of a start request. */
void readStart(json::Fields& fields, StartRequest& request);
/** A DNS label: [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63. It becomes part of paths. */
bool isContainerName(const std::string& name);

}  // namespace podrun
