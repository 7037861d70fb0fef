#include "addon/network/attach.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>

#include "addon/napi/failure.h"
#include "addon/network/link.h"
#include "addon/network/rules.h"

namespace podrun::network {
namespace {

//            host                     hub (a network namespace)                  Pod
//   ┌───────────────────┐      ┌──────────────────────────────────┐      ┌──────────────────┐
//   │ podrun0 10.86.0.1 ├─veth─┤ host0 ── bridge br0 ── pod1 ─────┼─veth─┤ eth0 10.86.0.7   │
//   │ table ip podrun   │      │                    └── pod2 ─ …  │      │ default 10.86.0.1│
//   └───────────────────┘      └──────────────────────────────────┘      └──────────────────┘
//
// A namespace goes away with its last descriptor, a veth with either of its ends, the table with the socket
// that owns it. So nothing here has to be undone but one Pod's veth, and nothing can be left behind by a
// process that is killed.

constexpr const char* kBridge = "br0";
// Chosen by us, so that it need not be asked for: far above what the kernel counts up from.
constexpr int kBridgeIndex = 1'000'000;
constexpr const char* kHostPort = "host0";
constexpr const char* kPodInterface = "eth0";
constexpr const char* kLoopback = "lo";
constexpr int kLoopbackIndex = 1;

/** /proc/sys/net/ipv4/ip_forward of the namespace in which this was constructed. */
class Forwarding {
 public:
  Forwarding() : file_(openSetting("ipv4/ip_forward", O_RDWR)) {}
  void enable() {
    char value = '0';
    if (pread(file_.get(), &value, 1, 0) != 1) raise("read", "/proc/sys/net/ipv4/ip_forward");
    if (value == '0' && pwrite(file_.get(), "1", 1, 0) != 1) raise("write", "/proc/sys/net/ipv4/ip_forward");
  }

 private:
  unique_fd file_;
};

void addHostAddress(NetlinkSocket& host, const Attachment& attachment) {
  const int index = host.interfaceIndex(attachment.hostInterface);
  NetlinkBatch batch;
  setUp(batch, index, attachment.hostInterface);
  addAddress(batch, index, attachment.gateway, attachment.prefixLength);
  host.transact(batch);
}

/** In the hub: a switch needs no addresses, and so answers to none. */
void disableIpv6() {
  try {
    writeSetting("ipv6/conf/all/disable_ipv6", "1");
  } catch (const SysError& error) {
    if (error.error != ENOENT) throw;  // a kernel without IPv6
  }
}

/** Leaves the thread in the hub. When it throws, the kernel takes away what there is of the hub with its
 * namespace. */
HubHandles makeHub(const Attachment& attachment) {
  const unique_fd hostSpace = namespaceOfThread();
  NetlinkSocket host(NETLINK_ROUTE);
  NetlinkSocket rules(NETLINK_NETFILTER);
  Forwarding forwarding;

  unique_fd space = enterNew();
  disableIpv6();
  NetlinkSocket hub(NETLINK_ROUTE);
  NetlinkBatch bridge;
  addBridge(bridge, kBridge, kBridgeIndex);
  hub.transact(bridge);
  makeWhenFree(hostSpace, attachment.hostInterface, [&] {
    NetlinkBatch batch;
    addVeth(batch, {.name = kHostPort,
                    .master = kBridgeIndex,
                    .peerName = attachment.hostInterface,
                    .peerSpace = hostSpace.get(),
                    .peerMac = {},
                    .mtu = attachment.mtu});
    hub.transact(batch);
  });
  addHostAddress(host, attachment);
  NetlinkBatch settle;
  settleCarrier(settle, kHostPort);
  hub.transact(settle);
  addMasquerade(rules, attachment.gateway, attachment.prefixLength, attachment.hostInterface);
  // Last, because it is the one thing that stays: others on the machine may have come to rely on it by the
  // time the hub ends.
  forwarding.enable();
  return {std::move(space), rules.release()};
}

/** A locally administered address made of the IPv4 address: who has an old ARP entry for it still reaches the
 * new Pod. */
Mac macOf(in_addr address) {
  Mac mac{0x0a, 0x58};
  const uint32_t number = ntohl(address.s_addr);
  for (int i = 0; i < 4; ++i) mac[2 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return mac;
}

/** In the Pod: what containerd's CRI plugin sets too, so that a process without privileges may bind port 80
 * and ping. */
void writePodSettings() {
  writeSetting("ipv4/ip_unprivileged_port_start", "0");
  writeSetting("ipv4/ping_group_range", "0 2147483647");
}

void addPodVeth(const Attachment& attachment, const HubHandles& handles, NetlinkSocket& hub,
                const unique_fd& pod) {
  // A Pod that had this name and died just now may still be in the kernel's hands.
  makeWhenFree(handles.space, attachment.hubInterface, [&] {
    NetlinkBatch batch;
    addVeth(batch, {.name = attachment.hubInterface,
                    .master = kBridgeIndex,
                    .peerName = kPodInterface,
                    .peerSpace = pod.get(),
                    .peerMac = macOf(attachment.address),
                    .mtu = attachment.mtu});
    hub.transact(batch);
  });
}

void configurePod(NetlinkSocket& pod, const Attachment& attachment) {
  const int index = pod.interfaceIndex(kPodInterface);
  NetlinkBatch batch;
  setUp(batch, kLoopbackIndex, kLoopback);
  setUp(batch, index, kPodInterface);
  addAddress(batch, index, attachment.address, attachment.prefixLength);
  addDefaultRoute(batch, index, attachment.gateway);
  pod.transact(batch);
}

}  // namespace

HubHandles attach(const Attachment& attachment) {
  const unique_fd podSpace = namespaceOf(attachment.sandboxPid);
  std::optional<HubHandles> handles = handlesOf(attachment.peers);
  if (!handles) handles = makeHub(attachment);

  enter(podSpace);
  writePodSettings();
  NetlinkSocket pod(NETLINK_ROUTE);
  if (pod.interfaceIndex(kPodInterface) != 0) {
    throw SysError{EEXIST, "netlink", kPodInterface, "the Pod is attached already"};
  }
  enter(handles->space);
  NetlinkSocket hub(NETLINK_ROUTE);
  addPodVeth(attachment, *handles, hub, podSpace);
  try {
    configurePod(pod, attachment);
    NetlinkBatch settle;
    settleCarrier(settle, attachment.hubInterface);
    hub.transact(settle);
  } catch (const SysError&) {
    NetlinkBatch batch;
    deleteLink(batch, attachment.hubInterface);
    hub.transact(batch);
    throw;
  }
  return std::move(*handles);
}

void bringUpLoopback(pid_t sandboxPid) {
  enter(namespaceOf(sandboxPid));
  NetlinkSocket pod(NETLINK_ROUTE);
  NetlinkBatch batch;
  setUp(batch, kLoopbackIndex, kLoopback);
  pod.transact(batch);
}

}  // namespace podrun::network
