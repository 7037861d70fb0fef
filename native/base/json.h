#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// Our own checks come before every access; an assertion that fails all the same must not print or unwind.
#define RAPIDJSON_ASSERT(x) ((x) ? static_cast<void>(0) : abort())
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace podrun::json {

using Value = rapidjson::Value;
using Document = rapidjson::Document;

enum class Need { required, optional };

/**
 * Reads one JSON object strictly: each field is asked for by name and type, and when that is complete (at the
 * latest when the reader goes out of scope) every member that nobody asked for is an error. The first problem
 * of a document is kept in `problem`, as "process.user.uid: ...".
 */
class Fields {
 public:
  Fields(const Value& object, std::string where, std::string& problem);
  ~Fields() { complete(); }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  /** Everything has been asked for: true when there was no problem anywhere in the document so far. */
  bool complete();

  void text(const char* name, std::string& out, Need need = Need::required);
  void flag(const char* name, bool& out, Need need = Need::required);
  /** True when the field is there. */
  bool number(const char* name, int64_t min, int64_t max, int64_t& out, Need need = Need::required);
  void texts(const char* name, std::vector<std::string>& out, Need need = Need::required);
  /** An object of strings whose content does not matter here. */
  void ignoredTexts(const char* name);

  /** Calls `read(Fields&)` with the object of this name; false when there is none. */
  template <typename Read>
  bool object(const char* name, Read read, Need need = Need::required) {
    const Value* value = find(name, need);
    if (value == nullptr) return false;
    Fields fields(*value, at(name), problem_);
    read(fields);
    return true;
  }

  /** Calls `read(Fields&)` with each object of the array of this name. */
  template <typename Read>
  void objects(const char* name, Read read, Need need = Need::required) {
    const Value* value = find(name, need);
    if (value == nullptr) return;
    if (!value->IsArray()) return fail(name, "expected an array");
    for (rapidjson::SizeType i = 0; i < value->Size(); i++) {
      Fields fields((*value)[i], at(name) + "[" + std::to_string(i) + "]", problem_);
      read(fields);
    }
  }

  /** Marks the field as known and returns it whatever its type; null when there is none. */
  const Value* any(const char* name, Need need = Need::required) { return find(name, need); }
  void fail(const char* name, std::string_view why);

 private:
  const Value* find(const char* name, Need need);
  bool copyText(const char* name, const Value& value, std::string& out);
  std::string at(const char* name) const;

  const Value& object_;
  const std::string where_;
  std::string& problem_;
  std::vector<const char*> known_;
};

/** Parses `text` and reads its object by `read(Fields&)`; returns what is wrong with it, or "". */
template <typename Read>
std::string parse(std::string_view text, const char* where, Read read) {
  Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) {
    return std::string(where) + ": not JSON at byte " + std::to_string(document.GetErrorOffset());
  }
  std::string problem;
  {
    Fields fields(document, where, problem);
    read(fields);
  }
  return problem;
}

/** Writes one compact JSON object, field by field. */
class Object {
 public:
  Object() : writer_(buffer_) { writer_.StartObject(); }
  Object& text(const char* name, std::string_view value);
  Object& number(const char* name, int64_t value);
  Object& flag(const char* name, bool value);
  /** The following fields go into an object of this name, until end(). */
  Object& begin(const char* name);
  Object& beginArray(const char* name);
  Object& beginElement();
  Object& end();
  Object& endArray();
  /** Closes the object. */
  std::string_view done();

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace podrun::json
