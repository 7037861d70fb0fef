#include "base/json.h"

#include <cstring>

namespace podrun::json {

Fields::Fields(const Value& object, std::string where, std::string& problem)
    : object_(object), where_(std::move(where)), problem_(problem) {
  if (!object_.IsObject() && problem_.empty()) problem_ = where_ + ": expected an object";
}

bool Fields::complete() {
  if (!object_.IsObject() || !problem_.empty()) return false;
  for (const auto& member : object_.GetObject()) {
    bool known = false;
    for (const char* name : known_) known |= strcmp(name, member.name.GetString()) == 0;
    if (!known) fail(member.name.GetString(), "unknown field");
  }
  return problem_.empty();
}

const Value* Fields::find(const char* name, Need need) {
  known_.push_back(name);
  if (!object_.IsObject()) return nullptr;
  const auto member = object_.FindMember(name);
  if (member != object_.MemberEnd()) return &member->value;
  if (need == Need::required) fail(name, "missing");
  return nullptr;
}

void Fields::text(const char* name, std::string& out, Need need) {
  const Value* value = find(name, need);
  if (value != nullptr) copyText(name, *value, out);
}

void Fields::flag(const char* name, bool& out, Need need) {
  const Value* value = find(name, need);
  if (value == nullptr) return;
  if (!value->IsBool()) return fail(name, "expected true or false");
  out = value->GetBool();
}

bool Fields::number(const char* name, int64_t min, int64_t max, int64_t& out, Need need) {
  const Value* value = find(name, need);
  if (value == nullptr) return false;
  // RLIM_INFINITY is 2^64-1 in JSON, more than JavaScript's numbers or int64_t hold: everything that large is
  // INT64_MAX here.
  if (value->IsUint64() && value->GetUint64() > INT64_MAX) {
    out = INT64_MAX;
  } else if (value->IsInt64()) {
    out = value->GetInt64();
  } else if (value->IsDouble() && value->GetDouble() >= 9223372036854775808.0) {
    out = INT64_MAX;
  } else {
    fail(name, "expected a whole number");
    return false;
  }
  if (out >= min && out <= max) return true;
  fail(name, "out of range");
  return false;
}

void Fields::texts(const char* name, std::vector<std::string>& out, Need need) {
  const Value* value = find(name, need);
  if (value == nullptr) return;
  if (!value->IsArray()) return fail(name, "expected an array");
  out.reserve(value->Size());
  for (const Value& element : value->GetArray()) {
    std::string text;
    if (!copyText(name, element, text)) return;
    out.push_back(std::move(text));
  }
}

void Fields::ignoredTexts(const char* name) {
  const Value* value = find(name, Need::optional);
  if (value == nullptr) return;
  if (!value->IsObject()) return fail(name, "expected an object");
  for (const auto& member : value->GetObject()) {
    if (!member.value.IsString()) return fail(name, "expected strings");
  }
}

bool Fields::copyText(const char* name, const Value& value, std::string& out) {
  if (!value.IsString()) {
    fail(name, "expected a string");
    return false;
  }
  out.assign(value.GetString(), value.GetStringLength());
  // The kernel would silently see less than the rest of the system did.
  if (out.find('\0') == std::string::npos) return true;
  fail(name, "holds a NUL character");
  return false;
}

std::string Fields::at(const char* name) const {
  return where_ + "." + name;
}

void Fields::fail(const char* name, std::string_view why) {
  if (problem_.empty()) problem_ = at(name).append(": ").append(why);
}

Object& Object::text(const char* name, std::string_view value) {
  writer_.Key(name);
  writer_.String(value.data(), value.size());
  return *this;
}

Object& Object::number(const char* name, int64_t value) {
  writer_.Key(name);
  writer_.Int64(value);
  return *this;
}

Object& Object::flag(const char* name, bool value) {
  writer_.Key(name);
  writer_.Bool(value);
  return *this;
}

Object& Object::begin(const char* name) {
  writer_.Key(name);
  writer_.StartObject();
  return *this;
}

Object& Object::beginArray(const char* name) {
  writer_.Key(name);
  writer_.StartArray();
  return *this;
}

Object& Object::beginElement() {
  writer_.StartObject();
  return *this;
}

Object& Object::end() {
  writer_.EndObject();
  return *this;
}

Object& Object::endArray() {
  writer_.EndArray();
  return *this;
}

std::string_view Object::done() {
  writer_.EndObject();
  return {buffer_.GetString(), buffer_.GetSize()};
}

}  // namespace podrun::json
