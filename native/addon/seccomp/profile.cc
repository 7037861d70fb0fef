#include "addon/seccomp/profile.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "addon/napi/failure.h"

namespace podrun::seccomp {
namespace {

using Json = rapidjson::Value;

[[noreturn]] void fail(const std::string& what) {
  throw CodedError{{}, "seccomp profile: " + what, {}};
}

const Json* member(const Json& object, const char* key) {
  const auto found = object.FindMember(key);
  return found == object.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

std::string stringOf(const Json& value, const char* what) {
  if (!value.IsString()) fail(std::string(what) + ": expected a string");
  return {value.GetString(), value.GetStringLength()};
}

std::string required(const Json& object, const char* key) {
  const Json* value = member(object, key);
  if (value == nullptr) fail(std::string(key) + " is missing");
  return stringOf(*value, key);
}

/** The elements of an array; none when the key is absent. */
std::vector<const Json*> elements(const Json& object, const char* key) {
  std::vector<const Json*> found;
  const Json* array = member(object, key);
  if (array == nullptr) return found;
  if (!array->IsArray()) fail(std::string(key) + ": expected an array");
  for (const Json& element : array->GetArray()) found.push_back(&element);
  return found;
}

uint64_t numberOr(const Json& object, const char* key, uint64_t fallback, uint64_t most = UINT64_MAX) {
  const Json* value = member(object, key);
  if (value == nullptr) return fallback;
  if (!value->IsUint64() || value->GetUint64() > most)
    fail(std::string(key) + ": expected a number in range");
  return value->GetUint64();
}

uint32_t action(const std::string& name, const Json& object, const char* errnoKey) {
  static const std::map<std::string, uint32_t> plain{
      {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
      {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},        {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
      {"SCMP_ACT_LOG", SCMP_ACT_LOG},          {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
  };
  if (const auto found = plain.find(name); found != plain.end()) return found->second;
  // The low 16 bits of the action are the error number; EPERM is what the spec says when there is none.
  const auto number = static_cast<uint32_t>(numberOr(object, errnoKey, EPERM, UINT16_MAX));
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(number);
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(number);
  // SCMP_ACT_NOTIFY among them: nobody would listen.
  fail("action " + name + " is not supported");
}

scmp_compare comparison(const std::string& name) {
  static const std::map<std::string, scmp_compare> known{
      {"SCMP_CMP_NE", SCMP_CMP_NE},
      {"SCMP_CMP_LT", SCMP_CMP_LT},
      {"SCMP_CMP_LE", SCMP_CMP_LE},
      {"SCMP_CMP_EQ", SCMP_CMP_EQ},
      {"SCMP_CMP_GE", SCMP_CMP_GE},
      {"SCMP_CMP_GT", SCMP_CMP_GT},
      {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
  };
  const auto found = known.find(name);
  if (found == known.end()) fail("op " + name + " is unknown");
  return found->second;
}

Rule rule(const Json& json) {
  if (!json.IsObject()) fail("syscalls: expected objects");
  Rule rule;
  rule.action = action(required(json, "action"), json, "errnoRet");
  for (const Json* name : elements(json, "names")) rule.names.push_back(stringOf(*name, "names"));
  for (const Json* arg : elements(json, "args")) {
    if (!arg->IsObject()) fail("args: expected objects");
    if (member(*arg, "index") == nullptr || member(*arg, "value") == nullptr)
      fail("args: index and value are needed");
    rule.args.push_back({.arg = static_cast<unsigned>(numberOr(*arg, "index", 0, 5)),
                         .op = comparison(required(*arg, "op")),
                         .datum_a = numberOr(*arg, "value", 0),
                         .datum_b = numberOr(*arg, "valueTwo", 0)});
  }
  return rule;
}

/** "SCMP_ARCH_X86_64" -> "x86_64" */
std::string architecture(std::string name) {
  constexpr std::string_view prefix = "SCMP_ARCH_";
  if (!name.starts_with(prefix)) fail("architecture " + name + " is unknown");
  name.erase(0, prefix.size());
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(tolower(c)); });
  return name;
}

/**
 * Flags belong to seccomp(2), which is called without any. Those two change nothing for a filter that a
 * single thread loads, other than that a mitigation stays on.
 */
void checkFlag(const std::string& flag) {
  if (flag != "SECCOMP_FILTER_FLAG_TSYNC" && flag != "SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
    fail("flag " + flag + " is not supported");
  }
}

}  // namespace

Profile parseProfile(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError()) {
    fail(std::string(rapidjson::GetParseError_En(document.GetParseError())) + " At byte " +
         std::to_string(document.GetErrorOffset()));
  }
  if (!document.IsObject()) fail("expected an object");
  if (member(document, "listenerPath") != nullptr) fail("listenerPath is not supported");
  Profile profile;
  profile.defaultAction = action(required(document, "defaultAction"), document, "defaultErrnoRet");
  for (const Json* name : elements(document, "architectures")) {
    profile.architectures.push_back(architecture(stringOf(*name, "architectures")));
  }
  for (const Json* flag : elements(document, "flags")) checkFlag(stringOf(*flag, "flags"));
  for (const Json* syscall : elements(document, "syscalls")) profile.rules.push_back(rule(*syscall));
  return profile;
}

}  // namespace podrun::seccomp
