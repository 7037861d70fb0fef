#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <vector>

#include "addon/network/namespace.h"

namespace podrun::network {

/** `NetworkAttach` of addon.d.ts. */
struct Attachment {
  pid_t sandboxPid;
  std::vector<pid_t> peers;
  std::string hostInterface;
  in_addr gateway;
  uint8_t prefixLength;
  in_addr address;
  std::string hubInterface;
  std::optional<uint32_t> mtu;
};

/** Gives the sandbox its eth0, making the hub when no peer has one. To be called on a thread of its own. */
HubHandles attach(const Attachment& attachment);

/** Brings up lo in the sandbox's namespace. To be called on a thread of its own. */
void bringUpLoopback(pid_t sandboxPid);

}  // namespace podrun::network
