#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace podrun::network {

/** Several netlink requests for one sendmsg(2); the kernel works them off in order. See netlink(7). */
class NetlinkBatch {
 public:
  /** Begins a request. `what` and `object` say in an error what it was for: "make bridge", "br0". */
  template <typename Body>
  NetlinkBatch& request(uint16_t type, uint16_t flags, const Body& body, const char* what,
                        std::string object = {}) {
    begin(type, flags, what, std::move(object));
    append(&body, sizeof body);
    return *this;
  }

  NetlinkBatch& bytes(uint16_t type, const void* data, size_t size);
  /** With the terminating NUL that the kernel expects of names. */
  NetlinkBatch& string(uint16_t type, std::string_view text);
  template <typename T>
  NetlinkBatch& number(uint16_t type, T value) {
    return bytes(type, &value, sizeof value);
  }
  /** The attributes that `fill` adds become one attribute's content. */
  template <typename Fill>
  NetlinkBatch& nested(uint16_t type, Fill fill) {
    const size_t start = beginNested(type);
    fill();
    endNested(start);
    return *this;
  }
  /** Has the kernel answer to the request just begun, also when it succeeds; without this the last one is
   * answered. */
  NetlinkBatch& acknowledge();
  /** A plain structure inside an attribute, as VETH_INFO_PEER has one. */
  void append(const void* data, size_t size);

 private:
  friend class NetlinkSocket;
  struct Request {
    size_t offset;
    const char* what;
    std::string object;
  };

  void begin(uint16_t type, uint16_t flags, const char* what, std::string object);
  size_t beginNested(uint16_t type);
  void endNested(size_t start);
  void finish();

  std::vector<uint8_t> buffer_;
  std::vector<Request> requests_;
  size_t acknowledged_ = 0;  // sequence number, from 1
};

/** A netlink socket. It stays in the network namespace of the thread that made it, wherever that goes
 * afterwards. */
class NetlinkSocket {
 public:
  /** `group` is a multicast group to listen to, or 0. */
  explicit NetlinkSocket(int protocol, int group = 0);

  /**
   * Sends the batch and waits until the kernel has worked it off. The first request that failed is thrown.
   * `onReply` gets every answer that is no acknowledgement.
   */
  void transact(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& onReply = {});
  /** Index of the interface in the socket's namespace, 0 when there is none. */
  int interfaceIndex(const std::string& name);
  int fd() const { return fd_.get(); }
  unique_fd release() { return std::move(fd_); }

 private:
  unique_fd fd_;
};

}  // namespace podrun::network
