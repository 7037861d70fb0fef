#include <arpa/inet.h>
#include <net/if.h>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/owned_fd.h"
#include "addon/napi/worker.h"
#include "addon/network/attach.h"

namespace podrun {
namespace {

constexpr int64_t kLeastMtu = 576;  // what every IPv4 host must accept, RFC 791
constexpr int64_t kMostMtu = 65535;

in_addr addressOf(const Argument& argument) {
  in_addr address;
  if (inet_pton(AF_INET, argument.string().c_str(), &address) != 1) argument.fail("an IPv4 address");
  return address;
}

std::string interfaceOf(const Argument& argument) {
  const std::string name = argument.string();
  // What dev_valid_name() in the kernel refuses, and '%', which it would take as a pattern to number.
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
      name.find_first_of("/:% \t\n\v\f\r") != std::string::npos) {
    argument.fail("an interface name of at most 15 characters");
  }
  return name;
}

network::Attachment attachmentOf(const Argument& options) {
  network::Attachment attachment{
      .sandboxPid = static_cast<pid_t>(options["sandboxPid"].integer(1, INT32_MAX)),
      .peers = {},
      .hostInterface = interfaceOf(options["hostInterface"]),
      .gateway = addressOf(options["gateway"]),
      .prefixLength = static_cast<uint8_t>(options["prefixLength"].integer(1, 31)),
      .address = addressOf(options["address"]),
      .hubInterface = interfaceOf(options["hubInterface"]),
      .mtu = {},
  };
  for (const int64_t pid : options["peers"].integers(1, INT32_MAX)) {
    attachment.peers.push_back(static_cast<pid_t>(pid));
  }
  if (const auto mtu = options["mtu"].optionalInteger(kLeastMtu, kMostMtu)) {
    attachment.mtu = static_cast<uint32_t>(*mtu);
  }
  return attachment;
}

Napi::Value networkAttach(const Napi::CallbackInfo& info) {
  return runOnThread(
      info.Env(),
      [attachment = attachmentOf(argument(info, 0, "options"))] { return network::attach(attachment); },
      [](Napi::Env env, network::HubHandles handles) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("hub", OwnedFd::create(env, std::move(handles.space)));
        result.Set("rules", OwnedFd::create(env, std::move(handles.rules)));
        return result;
      });
}

Napi::Value networkLoopback(const Napi::CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(argument(info, 0, "sandboxPid").integer(1, INT32_MAX));
  return runOnThread(
      info.Env(),
      [pid] {
        network::bringUpLoopback(pid);
        return Done{};
      },
      toUndefined);
}

}  // namespace

void registerNetwork(Napi::Env, Napi::Object exports) {
  exportFunction<networkAttach>(exports, "networkAttach");
  exportFunction<networkLoopback>(exports, "networkLoopback");
}

}  // namespace podrun
