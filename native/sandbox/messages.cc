#include "sandbox/messages.h"

namespace podrun {
namespace {

using json::Fields;
using json::Need;

void readPath(Fields& fields, const char* name, std::string& out, Need need = Need::required) {
  fields.text(name, out, need);
  if (!out.empty() && out[0] != '/') fields.fail(name, "expected an absolute path");
  if (out.empty() && need == Need::required) fields.fail(name, "empty");
}

}  // namespace

void addExit(json::Object& object, const ExitRecord& record) {
  object.number("exitCode", record.exitCode)
      .number("signal", record.signal)
      .flag("oomKilled", record.oomKilled)
      .number("lostLogBytes", static_cast<int64_t>(record.lostLogBytes))
      .number("pid", record.pid)
      .text("startedAt", record.startedAt)
      .text("finishedAt", record.finishedAt);
}

void addFailure(json::Object& object, const Report& failure) {
  object.text("step", failure.step).number("errno", failure.error);
  if (failure.syscall[0] != '\0') object.text("syscall", failure.syscall);
  if (failure.path[0] != '\0') object.text("path", failure.path);
  if (failure.message[0] != '\0') object.text("message", failure.message);
  if (failure.exitCode != 0) object.number("exitCode", failure.exitCode);
}

bool isContainerName(const std::string& name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !alphanumeric(name.front()) || !alphanumeric(name.back()))
    return false;
  for (const char c : name) {
    if (!alphanumeric(c) && c != '-') return false;
  }
  return true;
}

void readStart(Fields& fields, StartRequest& request) {
  fields.text("container", request.name);
  if (!isContainerName(request.name)) fields.fail("container", "not a container name");
  fields.number("attempt", 0, INT32_MAX, request.attempt);
  readPath(fields, "bundle", request.start.bundle);
  fields.object("rootfs", [&](Fields& rootfs) {
    rootfs.texts("lowerdirs", request.start.rootfs.lowerdirs);
    if (request.start.rootfs.lowerdirs.empty()) rootfs.fail("lowerdirs", "empty");
    for (const std::string& lower : request.start.rootfs.lowerdirs) {
      if (!lower.starts_with('/')) rootfs.fail("lowerdirs", "expected absolute paths");
    }
    readPath(rootfs, "upperdir", request.start.rootfs.upperdir);
    readPath(rootfs, "workdir", request.start.rootfs.workdir);
  });
  readPath(fields, "log", request.log.path);
  int64_t number = 0;
  if (fields.number("logMaxBytes", 1, INT64_MAX, number))
    request.log.maxBytes = static_cast<uint64_t>(number);
  fields.number("logMaxFiles", 1, 1000, request.log.maxFiles);
  fields.object("cgroup", [&](Fields& cgroup) {
    readPath(cgroup, "unified", request.start.cgroup.unified);
    cgroup.texts("tasks", request.start.cgroup.tasks);
    readPath(cgroup, "oomEvents", request.start.cgroup.oomEvents, Need::optional);
  });
  readPath(fields, "seccompBpf", request.start.seccompBpf, Need::optional);
  if (fields.number("stopSignal", 1, 64, number)) request.stopSignal = static_cast<int>(number);
}

}  // namespace podrun
