#include "addon/network/netlink.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "addon/napi/failure.h"

namespace podrun::network {
namespace {

size_t aligned(size_t size) {
  return NLMSG_ALIGN(size);
}

/** The kernel's own words for an error, when it has any (NLMSGERR_ATTR_MSG, since 4.12). */
std::string explanation(const nlmsghdr* reply) {
  if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  // NETLINK_CAP_ACK: the request is not repeated, attributes follow the header.
  const auto* at = static_cast<const uint8_t*>(NLMSG_DATA(reply)) + sizeof(nlmsgerr);
  const auto* end = reinterpret_cast<const uint8_t*>(reply) + reply->nlmsg_len;
  while (at + sizeof(nlattr) <= end) {
    nlattr attribute;
    memcpy(&attribute, at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > end) break;
    if (attribute.nla_type == NLMSGERR_ATTR_MSG) return reinterpret_cast<const char*>(at) + NLA_HDRLEN;
    at += NLA_ALIGN(attribute.nla_len);
  }
  return {};
}

}  // namespace

void NetlinkBatch::append(const void* data, size_t size) {
  const size_t at = buffer_.size();
  buffer_.resize(at + aligned(size));
  memcpy(buffer_.data() + at, data, size);
}

NetlinkBatch& NetlinkBatch::bytes(uint16_t type, const void* data, size_t size) {
  const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + size), type};
  append(&header, sizeof header);
  append(data, size);
  return *this;
}

NetlinkBatch& NetlinkBatch::string(uint16_t type, std::string_view text) {
  const std::string terminated(text);
  return bytes(type, terminated.c_str(), terminated.size() + 1);
}

void NetlinkBatch::begin(uint16_t type, uint16_t flags, const char* what, std::string object) {
  finish();
  requests_.push_back({buffer_.size(), what, std::move(object)});
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags | NLM_F_REQUEST;
  header.nlmsg_seq = static_cast<uint32_t>(requests_.size());
  append(&header, sizeof header);
}

NetlinkBatch& NetlinkBatch::acknowledge() {
  nlmsghdr header;
  uint8_t* at = buffer_.data() + requests_.back().offset;
  memcpy(&header, at, sizeof header);
  header.nlmsg_flags |= NLM_F_ACK;
  memcpy(at, &header, sizeof header);
  acknowledged_ = requests_.size();
  return *this;
}

/** Writes the length of the last request, now that it is known. */
void NetlinkBatch::finish() {
  if (requests_.empty()) return;
  const size_t offset = requests_.back().offset;
  const auto length = static_cast<uint32_t>(buffer_.size() - offset);
  memcpy(buffer_.data() + offset + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

size_t NetlinkBatch::beginNested(uint16_t type) {
  const size_t start = buffer_.size();
  const nlattr header{NLA_HDRLEN, static_cast<uint16_t>(type | NLA_F_NESTED)};
  append(&header, sizeof header);
  return start;
}

void NetlinkBatch::endNested(size_t start) {
  const auto length = static_cast<uint16_t>(buffer_.size() - start);
  memcpy(buffer_.data() + start, &length, sizeof length);
}

NetlinkSocket::NetlinkSocket(int protocol, int group)
    : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {
  if (!fd_) raise("socket", "netlink");
  const int on = 1;
  setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  if (group == 0) return;
  // Bound before it listens: a socket without a port number passes for the kernel's own, which sends with
  // port 0 and never to itself.
  const sockaddr_nl any{AF_NETLINK, 0, 0, 0};
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) raise("bind", "netlink");
  if (setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    raise("setsockopt", "netlink");
}

void NetlinkSocket::transact(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& onReply) {
  batch.finish();
  if (batch.acknowledged_ == 0) batch.acknowledge();
  if (send(fd_.get(), batch.buffer_.data(), batch.buffer_.size(), 0) < 0) raise("send", "netlink");

  // Requests were worked off within send(2), and what failed has its answer queued. When all is well only one
  // answers, so there is one message to read, not one per request.
  std::optional<SysError> failure;
  alignas(nlmsghdr) uint8_t buffer[8192];
  for (bool answered = false; !answered;) {
    ssize_t size = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) raise("recv", "netlink");
    for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(reply, size);
         reply = NLMSG_NEXT(reply, size)) {
      const uint32_t sequence = reply->nlmsg_seq;
      if (sequence == 0 || sequence > batch.requests_.size()) continue;
      if (reply->nlmsg_type != NLMSG_ERROR) {
        if (onReply) onReply(reply);
        continue;
      }
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(reply));
      const NetlinkBatch::Request& request = batch.requests_[sequence - 1];
      if (error->error != 0 && !failure) {
        const std::string words = explanation(reply);
        failure = SysError{-error->error, "netlink", request.object,
                           words.empty() ? request.what : std::string(request.what) + " (" + words + ")"};
      }
      if (sequence == batch.acknowledged_) answered = true;
    }
  }
  if (failure) throw *failure;
}

int NetlinkSocket::interfaceIndex(const std::string& name) {
  // Not SIOCGIFINDEX: for a name that is not there it has the kernel look for a module "netdev-<name>"
  // (dev_load), which is a process and milliseconds.
  NetlinkBatch batch;
  batch.request(RTM_GETLINK, 0, ifinfomsg{}, "look for interface", name)
      .acknowledge()
      .string(IFLA_IFNAME, name);
  int index = 0;
  try {
    transact(batch, [&](const nlmsghdr* reply) {
      if (reply->nlmsg_type == RTM_NEWLINK)
        index = static_cast<const ifinfomsg*>(NLMSG_DATA(reply))->ifi_index;
    });
  } catch (const SysError& error) {
    if (error.error != ENODEV) throw;
  }
  return index;
}

}  // namespace podrun::network
