#include "base/oci.h"

#include <sys/resource.h>

namespace podrun::oci {
namespace {

using json::Fields;
using json::Need;

// capabilities(7), in the order of their numbers; CAP_CHECKPOINT_RESTORE (Linux 5.9) is the last there is.
constexpr const char* kCapabilities[] = {"CHOWN",
                                         "DAC_OVERRIDE",
                                         "DAC_READ_SEARCH",
                                         "FOWNER",
                                         "FSETID",
                                         "KILL",
                                         "SETGID",
                                         "SETUID",
                                         "SETPCAP",
                                         "LINUX_IMMUTABLE",
                                         "NET_BIND_SERVICE",
                                         "NET_BROADCAST",
                                         "NET_ADMIN",
                                         "NET_RAW",
                                         "IPC_LOCK",
                                         "IPC_OWNER",
                                         "SYS_MODULE",
                                         "SYS_RAWIO",
                                         "SYS_CHROOT",
                                         "SYS_PTRACE",
                                         "SYS_PACCT",
                                         "SYS_ADMIN",
                                         "SYS_BOOT",
                                         "SYS_NICE",
                                         "SYS_RESOURCE",
                                         "SYS_TIME",
                                         "SYS_TTY_CONFIG",
                                         "MKNOD",
                                         "LEASE",
                                         "AUDIT_WRITE",
                                         "AUDIT_CONTROL",
                                         "SETFCAP",
                                         "MAC_OVERRIDE",
                                         "MAC_ADMIN",
                                         "SYSLOG",
                                         "WAKE_ALARM",
                                         "BLOCK_SUSPEND",
                                         "AUDIT_READ",
                                         "PERFMON",
                                         "BPF",
                                         "CHECKPOINT_RESTORE"};

struct RlimitName {
  const char* name;
  int resource;
};
constexpr RlimitName kRlimits[] = {{"RLIMIT_AS", RLIMIT_AS},
                                   {"RLIMIT_CORE", RLIMIT_CORE},
                                   {"RLIMIT_CPU", RLIMIT_CPU},
                                   {"RLIMIT_DATA", RLIMIT_DATA},
                                   {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                   {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                   {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                   {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                   {"RLIMIT_NICE", RLIMIT_NICE},
                                   {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                   {"RLIMIT_NPROC", RLIMIT_NPROC},
                                   {"RLIMIT_RSS", RLIMIT_RSS},
                                   {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                   {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                   {"RLIMIT_STACK", RLIMIT_STACK}};

void readUser(Fields& fields, User& user) {
  int64_t number = 0;
  // uid_t -1 means "leave it" to setresuid(2), so it can be nobody's id.
  constexpr int64_t maxId = UINT32_MAX - 1;
  if (fields.number("uid", 0, maxId, number)) user.uid = static_cast<uint32_t>(number);
  if (fields.number("gid", 0, maxId, number)) user.gid = static_cast<uint32_t>(number);
  if (fields.number("umask", 0, 0777, number, Need::optional)) user.umask = static_cast<uint32_t>(number);
  const json::Value* groups = fields.any("additionalGids", Need::optional);
  if (groups == nullptr) return;
  if (!groups->IsArray()) return fields.fail("additionalGids", "expected an array");
  for (const json::Value& group : groups->GetArray()) {
    if (!group.IsUint() || group.GetUint() > maxId)
      return fields.fail("additionalGids", "expected group numbers");
    user.additionalGids.push_back(group.GetUint());
  }
}

void readCapabilitySet(Fields& fields, const char* set, uint64_t& out) {
  std::vector<std::string> names;
  fields.texts(set, names);
  for (const std::string& name : names) {
    const int number = capabilityNumber(name);
    if (number < 0) return fields.fail(set, "no such capability: " + name);
    out |= uint64_t{1} << number;
  }
}

void readRlimit(Fields& fields, std::vector<Rlimit>& out) {
  std::string type;
  int64_t soft = 0;
  int64_t hard = 0;
  fields.text("type", type);
  fields.number("soft", 0, INT64_MAX, soft);
  fields.number("hard", 0, INT64_MAX, hard);
  const auto limit = [](int64_t value) {
    return value == INT64_MAX ? RLIM_INFINITY : static_cast<uint64_t>(value);
  };
  for (const RlimitName& known : kRlimits) {
    if (type == known.name) return out.push_back(Rlimit{known.resource, limit(soft), limit(hard)});
  }
  fields.fail("type", "no such resource limit: " + type);
}

void readMount(Fields& fields, std::vector<Mount>& out) {
  Mount mount;
  fields.text("destination", mount.destination);
  fields.text("type", mount.type);
  fields.text("source", mount.source);
  fields.texts("options", mount.options);
  if (!mount.destination.starts_with('/')) fields.fail("destination", "expected an absolute path");
  out.push_back(std::move(mount));
}

void readNamespaces(Fields& fields, Config& config) {
  bool pid = false;
  bool mount = false;
  fields.objects("namespaces", [&](Fields& entry) {
    std::string type;
    entry.text("type", type);
    if (entry.any("path", Need::optional) != nullptr)
      entry.fail("path", "joining a namespace is not supported yet");
    if (type == "pid") {
      pid = true;
    } else if (type == "mount") {
      mount = true;
    } else if (type == "cgroup") {
      config.cgroupNamespace = true;
    } else {
      entry.fail("type", "expected pid, mount or cgroup: the others are the Pod's");
    }
  });
  if (!pid || !mount) fields.fail("namespaces", "pid and mount are needed");
}

void readLinux(Fields& fields, Config& config) {
  readNamespaces(fields, config);
  fields.texts("maskedPaths", config.maskedPaths);
  fields.texts("readonlyPaths", config.readonlyPaths);
  std::string text;
  fields.text("cgroupsPath", text);
  text = "private";
  fields.text("rootfsPropagation", text, Need::optional);
  if (text == "private") {
    config.rootfsPropagation = Propagation::private_;
  } else if (text == "slave") {
    config.rootfsPropagation = Propagation::slave;
  } else if (text == "shared") {
    config.rootfsPropagation = Propagation::shared;
  } else {
    fields.fail("rootfsPropagation", "expected private, slave or shared");
  }
}

}  // namespace

int capabilityNumber(std::string_view name) {
  if (!name.starts_with("CAP_")) return -1;
  name.remove_prefix(4);
  int number = 0;
  for (const char* known : kCapabilities) {
    if (name == known) return number;
    number++;
  }
  return -1;
}

void readProcess(Fields& fields, Process& process) {
  fields.flag("terminal", process.terminal);
  fields.object(
      "consoleSize",
      [&](Fields& size) {
        int64_t number = 0;
        if (size.number("width", 0, UINT16_MAX, number)) process.consoleWidth = static_cast<uint16_t>(number);
        if (size.number("height", 0, UINT16_MAX, number))
          process.consoleHeight = static_cast<uint16_t>(number);
      },
      Need::optional);
  fields.object("user", [&](Fields& user) { readUser(user, process.user); });
  fields.texts("args", process.args);
  if (process.args.empty()) fields.fail("args", "empty");
  fields.texts("env", process.env);
  fields.text("cwd", process.cwd);
  if (!process.cwd.starts_with('/')) fields.fail("cwd", "expected an absolute path");
  fields.object("capabilities", [&](Fields& sets) {
    readCapabilitySet(sets, "bounding", process.capabilities.bounding);
    readCapabilitySet(sets, "effective", process.capabilities.effective);
    readCapabilitySet(sets, "permitted", process.capabilities.permitted);
    readCapabilitySet(sets, "inheritable", process.capabilities.inheritable);
    readCapabilitySet(sets, "ambient", process.capabilities.ambient);
  });
  fields.objects(
      "rlimits", [&](Fields& limit) { readRlimit(limit, process.rlimits); }, Need::optional);
  fields.flag("noNewPrivileges", process.noNewPrivileges);
  int64_t number = 0;
  if (fields.number("oomScoreAdj", -1000, 1000, number, Need::optional))
    process.oomScoreAdj = static_cast<int>(number);
}

Result<Config> parseConfig(std::string_view text) {
  Config config;
  std::string problem = json::parse(text, "config.json", [&](Fields& fields) {
    std::string version;
    fields.text("ociVersion", version);
    if (!version.starts_with("1.")) fields.fail("ociVersion", "expected 1.x");
    fields.object("process", [&](Fields& process) { readProcess(process, config.process); });
    fields.object("root", [&](Fields& root) {
      std::string path;
      root.text("path", path);
      if (path != "rootfs") root.fail("path", "expected \"rootfs\"");
      root.flag("readonly", config.readonlyRoot);
    });
    fields.text("hostname", config.hostname, Need::optional);
    fields.objects("mounts", [&](Fields& mount) { readMount(mount, config.mounts); });
    fields.object("linux", [&](Fields& linux_) { readLinux(linux_, config); });
    fields.ignoredTexts("annotations");
  });
  if (!problem.empty()) return SysError::refused(std::move(problem));
  return config;
}

}  // namespace podrun::oci
