#include "addon/network/link.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>

#include "addon/napi/failure.h"
#include "addon/network/namespace.h"

namespace podrun::network {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kDyingTimeout = std::chrono::seconds(5);
constexpr uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

ifinfomsg up(int index = 0) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  return link;
}

void addCommon(NetlinkBatch& batch, const std::string& name, std::optional<uint32_t> mtu) {
  batch.string(IFLA_IFNAME, name);
  if (mtu) batch.number(IFLA_MTU, *mtu);
}

/** Calls `found` with each attribute of an RTM_*LINK message. */
void eachAttribute(const nlmsghdr* message, const std::function<void(const rtattr*)>& found) {
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  auto left = static_cast<int>(IFLA_PAYLOAD(message));
  for (const rtattr* attribute = IFLA_RTA(link); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    found(attribute);
  }
}

/** Whether one of the messages says that the interface `name` is gone. */
bool saysGone(const nlmsghdr* message, ssize_t size, const std::string& name) {
  bool gone = false;
  for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
    if (message->nlmsg_type != RTM_DELLINK) continue;
    eachAttribute(message, [&](const rtattr* attribute) {
      if (attribute->rta_type == IFLA_IFNAME && name == static_cast<const char*>(RTA_DATA(attribute)))
        gone = true;
    });
  }
  return gone;
}

void waitGone(const NetlinkSocket& monitor, const std::string& name, Clock::time_point deadline) {
  alignas(nlmsghdr) uint8_t buffer[16384];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{monitor.fd(), POLLIN, 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) == 0) {
      throw SysError{EEXIST, "netlink", name, "interface is in use and has not gone away"};
    }
    const ssize_t size = recv(monitor.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
    // ENOBUFS: notifications were lost, perhaps this one, so the caller has to look again.
    if (size < 0 && errno == ENOBUFS) return;
    if (size > 0 && saysGone(reinterpret_cast<nlmsghdr*>(buffer), size, name)) return;
  }
}

/** False when it fails with EEXIST. */
bool tryMake(const std::function<void()>& make) {
  try {
    make();
    return true;
  } catch (const SysError& error) {
    if (error.error != EEXIST) throw;
    return false;
  }
}

/** Whether nobody holds the namespace any more that this one knows by the number `id` (-1 when by none). */
bool isDead(NetlinkSocket& socket, int id) {
  if (id < 0) return true;
  NetlinkBatch batch;
  ifinfomsg loopback{};
  loopback.ifi_index = 1;
  batch.request(RTM_GETLINK, 0, loopback, "look into namespace").number<int32_t>(IFLA_TARGET_NETNSID, id);
  try {
    socket.transact(batch);
    return false;
  } catch (const SysError& error) {
    return error.error == EINVAL;  // rtnl_get_net_ns_capable(): it can't be held, its count is zero
  }
}

/**
 * Deletes the veth `name` when the namespace of its other end is dead. The kernel would do so itself, about
 * 60 ms later or when it is done with all namespaces that died before. True when the name may be free now.
 */
bool deleteDying(NetlinkSocket& socket, const std::string& name) {
  std::optional<int32_t> otherSpace;
  try {
    NetlinkBatch query;
    query.request(RTM_GETLINK, 0, ifinfomsg{}, "look up", name).string(IFLA_IFNAME, name);
    socket.transact(query, [&](const nlmsghdr* message) {
      eachAttribute(message, [&](const rtattr* attribute) {
        if (attribute->rta_type == IFLA_LINK_NETNSID)
          otherSpace = *static_cast<const int32_t*>(RTA_DATA(attribute));
      });
    });
    if (!otherSpace) throw SysError{EEXIST, "netlink", name, "interface exists and is not podrun's"};
    if (!isDead(socket, *otherSpace)) return false;
    NetlinkBatch deletion;
    deleteLink(deletion, name);
    socket.transact(deletion);
  } catch (const SysError& error) {
    if (error.error != ENODEV) throw;
  }
  return true;
}

}  // namespace

void addBridge(NetlinkBatch& batch, const char* name, int index) {
  batch.request(RTM_NEWLINK, kCreate, up(index), "make bridge", name).string(IFLA_IFNAME, name);
  batch.nested(IFLA_LINKINFO, [&] {
    batch.string(IFLA_INFO_KIND, "bridge").nested(IFLA_INFO_DATA, [&] {
      // No spanning tree: a port forwards at once. No snooping: multicast is flooded, and no timers run.
      batch.number<uint32_t>(IFLA_BR_STP_STATE, 0).number<uint8_t>(IFLA_BR_MCAST_SNOOPING, 0);
    });
  });
}

void addVeth(NetlinkBatch& batch, const Veth& veth) {
  batch.request(RTM_NEWLINK, kCreate, up(), "make veth", veth.name);
  addCommon(batch, veth.name, veth.mtu);
  batch.number<uint32_t>(IFLA_MASTER, veth.master).nested(IFLA_LINKINFO, [&] {
    batch.string(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, [&] {
      batch.nested(VETH_INFO_PEER, [&] {
        // Made in its namespace instead of moved there, which would wait for an RCU grace period. It can't
        // come up here: the kernel does not know its other end yet.
        const ifinfomsg down{};
        batch.append(&down, sizeof down);
        addCommon(batch, veth.peerName, veth.mtu);
        if (veth.peerMac) batch.bytes(IFLA_ADDRESS, veth.peerMac->data(), veth.peerMac->size());
        batch.number<uint32_t>(IFLA_NET_NS_FD, veth.peerSpace);
      });
    });
  });
}

void setUp(NetlinkBatch& batch, int index, const std::string& name) {
  batch.request(RTM_NEWLINK, 0, up(index), "set up", name);
}

void settleCarrier(NetlinkBatch& batch, const std::string& name) {
  batch.request(RTM_GETLINK, 0, ifinfomsg{}, "look up", name).string(IFLA_IFNAME, name);
}

void addAddress(NetlinkBatch& batch, int index, in_addr address, uint8_t prefixLength) {
  const ifaddrmsg message{AF_INET, prefixLength, 0, RT_SCOPE_UNIVERSE, static_cast<uint32_t>(index)};
  in_addr broadcast = address;
  // A prefix of 31 or 32 bits has no broadcast address (RFC 3021).
  if (prefixLength < 31) broadcast.s_addr |= htonl(UINT32_MAX >> prefixLength);
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, text, sizeof text);
  batch.request(RTM_NEWADDR, kCreate, message, "add address", text)
      .number(IFA_LOCAL, address.s_addr)
      .number(IFA_ADDRESS, address.s_addr);
  if (prefixLength < 31) batch.number(IFA_BROADCAST, broadcast.s_addr);
}

void addDefaultRoute(NetlinkBatch& batch, int index, in_addr gateway) {
  rtmsg message{};
  message.rtm_family = AF_INET;
  message.rtm_table = RT_TABLE_MAIN;
  message.rtm_protocol = RTPROT_STATIC;
  message.rtm_scope = RT_SCOPE_UNIVERSE;
  message.rtm_type = RTN_UNICAST;
  batch.request(RTM_NEWROUTE, kCreate, message, "add route", "default")
      .number(RTA_GATEWAY, gateway.s_addr)
      .number<uint32_t>(RTA_OIF, index);
}

void deleteLink(NetlinkBatch& batch, const std::string& name) {
  batch.request(RTM_DELLINK, 0, ifinfomsg{}, "delete", name).string(IFLA_IFNAME, name);
}

void makeWhenFree(const unique_fd& space, const std::string& name, const std::function<void()>& make) {
  if (tryMake(make)) return;
  const auto deadline = Clock::now() + kDyingTimeout;
  const unique_fd here = namespaceOfThread();
  enter(space);
  NetlinkSocket requests(NETLINK_ROUTE);
  const NetlinkSocket monitor(NETLINK_ROUTE, RTNLGRP_LINK);
  enter(here);
  // Listens before it looks, so that nothing is missed between looking and waiting.
  while (!tryMake(make)) {
    if (!deleteDying(requests, name)) waitGone(monitor, name, deadline);
  }
}

}  // namespace podrun::network
