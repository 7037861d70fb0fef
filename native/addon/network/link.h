#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "addon/network/netlink.h"

namespace podrun::network {

using Mac = std::array<uint8_t, 6>;

/** A pair of virtual Ethernet interfaces: one here, attached to the bridge `master` and up, one in another
 * namespace. */
struct Veth {
  std::string name;
  int master;
  std::string peerName;
  int peerSpace;  // descriptor of the namespace
  std::optional<Mac> peerMac;
  std::optional<uint32_t> mtu;
};

void addBridge(NetlinkBatch& batch, const char* name, int index);
void addVeth(NetlinkBatch& batch, const Veth& veth);
void setUp(NetlinkBatch& batch, int index, const std::string& name);
/**
 * Has the kernel notice that the other end of `name` is up. Left alone it does so a little later, from a work
 * queue, and drops what is sent until then: an ARP request lost that way costs a second. Asking for the
 * interface is enough since Linux 6.8 (facd15dfd691, "synchronize link-watch when carrier is queried");
 * before, the race remains.
 */
void settleCarrier(NetlinkBatch& batch, const std::string& name);
void addAddress(NetlinkBatch& batch, int index, in_addr address, uint8_t prefixLength);
void addDefaultRoute(NetlinkBatch& batch, int index, in_addr gateway);
void deleteLink(NetlinkBatch& batch, const std::string& name);

/**
 * Runs `make`, which fails with EEXIST as long as the namespace `space` has an interface called `name`. A
 * veth whose other end is in a namespace that nobody holds any more is deleted; one that is still held is
 * waited for, 5 s at most.
 */
void makeWhenFree(const unique_fd& space, const std::string& name, const std::function<void()>& make);

}  // namespace podrun::network
