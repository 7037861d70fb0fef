#include <napi.h>

#include <atomic>
#include <memory>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/worker.h"
#include "addon/unpack/layer.h"
#include "addon/unpack/remove.h"

namespace podrun {
namespace {

/** Names in an archive are bytes; what would move a cursor or forge a line of a log is shown as an escape. */
std::string printable(const std::string& name) {
  std::string text;
  for (char c : name) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      text += c;
      continue;
    }
    char escape[8];
    snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
    text += escape;
  }
  return text;
}

[[noreturn]] void rethrow(LayerError error) {
  std::string path = printable(error.path);
  if (error.code.empty()) {
    error.system.path = error.system.path.empty() ? path : printable(error.system.path);
    throw std::move(error.system);
  }
  std::string where = path.empty() ? "cannot unpack the layer: " : "cannot unpack \"" + path + "\": ";
  throw CodedError{std::move(error.code), where + printable(error.message), std::move(path)};
}

Compression compressionOf(const Argument& argument) {
  std::string name = argument.string();
  if (name == "none") return Compression::none;
  if (name == "gzip") return Compression::gzip;
  if (name == "zstd") return Compression::zstd;
  argument.fail("\"none\", \"gzip\" or \"zstd\"");
}

using CancelFlag = std::shared_ptr<std::atomic<bool>>;

/** Calls `signal.onAbort(cancel)`. The function holds the flag, so it may be called at any time afterwards.
 */
void onAbort(Napi::Env env, Napi::Value signal, const CancelFlag& cancelled) {
  if (signal.IsUndefined()) return;
  if (!signal.IsObject()) throw CodedError{{}, "signal: expected an object", {}};
  Napi::Value listen = signal.As<Napi::Object>().Get("onAbort");
  if (!listen.IsFunction()) throw CodedError{{}, "signal.onAbort: expected a function", {}};
  auto cancel = Napi::Function::New(
      env, [cancelled](const Napi::CallbackInfo&) { cancelled->store(true, std::memory_order_relaxed); },
      "cancel");
  listen.As<Napi::Function>().Call(signal, {cancel});
}

Napi::Value toObject(Napi::Env env, UnpackedLayer layer) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("diffId", Napi::String::New(env, layer.diffId));
  object.Set("sizeBytes", Napi::Number::New(env, static_cast<double>(layer.sizeBytes)));
  object.Set("entries", Napi::Number::New(env, static_cast<double>(layer.entries)));
  return object;
}

Napi::Value unpackLayerFunction(const Napi::CallbackInfo& info) {
  const Argument arg = argument(info, 0, "options");
  UnpackOptions options;
  options.blob = arg["blob"].string();
  options.compression = compressionOf(arg["compression"]);
  options.into = arg["into"].string();
  options.limits.maxBytes = static_cast<uint64_t>(arg["maxBytes"].integer(0, kMaxSafeInteger));
  options.limits.maxEntries = static_cast<uint64_t>(arg["maxEntries"].integer(0, kMaxSafeInteger));
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  onAbort(info.Env(), info[1], cancelled);
  return runOnThread(
      info.Env(),
      [options = std::move(options), cancelled] {
        auto outcome = unpackLayer(options, *cancelled);
        if (auto* error = std::get_if<LayerError>(&outcome)) rethrow(std::move(*error));
        return std::get<UnpackedLayer>(std::move(outcome));
      },
      toObject);
}

/** Runs `call` with the path of the first argument on a thread of its own. */
template <void (*call)(const std::string&)>
Napi::Value pathFunction(const Napi::CallbackInfo& info) {
  return runOnThread(
      info.Env(),
      [path = argument(info, 0, "path").string()] {
        try {
          call(path);
        } catch (LayerError& error) {
          rethrow(std::move(error));
        }
        return Done{};
      },
      toUndefined);
}

}  // namespace

void registerUnpack(Napi::Env, Napi::Object exports) {
  exportFunction<unpackLayerFunction>(exports, "unpackLayer");
  exportFunction<pathFunction<syncFilesystem>>(exports, "syncFilesystem");
  exportFunction<pathFunction<removeTree>>(exports, "removeTree");
}

}  // namespace podrun
