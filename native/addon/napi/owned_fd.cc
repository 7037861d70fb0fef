#include "addon/napi/owned_fd.h"

#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/env.h"

namespace podrun {
namespace {

constexpr size_t kMaxPassed = 253;  // SCM_MAX_FD, linux/include/net/scm.h
constexpr int kSendTimeoutMs = 5000;

/** Waits for room in the socket; libuv made it O_NONBLOCK. */
void waitWritable(int socket) {
  pollfd wait{socket, POLLOUT, 0};
  const int ready = poll(&wait, 1, kSendTimeoutMs);
  if (ready == 0) throw SysError{ETIMEDOUT, "poll", {}, "pass descriptors"};
  if (ready < 0 && errno != EINTR) raise("poll", {}, "pass descriptors");
}

void sendWithFds(int socket, const uint8_t* data, size_t size, const std::vector<int>& fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxPassed * sizeof(int))];
  size_t sent = 0;
  while (sent < size) {
    iovec part{const_cast<uint8_t*>(data) + sent, size - sent};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // The descriptors travel with the first byte; what did not fit into the buffer follows without them.
    if (sent == 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    const ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      waitWritable(socket);
    } else if (errno != EINTR) {
      raise("sendmsg", {}, "pass descriptors");
    }
  }
}

Napi::Value passFds(const Napi::CallbackInfo& info) {
  const int socket = static_cast<int>(argument(info, 0, "socketFd").integer(0, INT32_MAX));
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    argument(info, 1, "data").fail("a Uint8Array");
  }
  const auto data = info[1].As<Napi::Uint8Array>();
  if (data.ByteLength() == 0)
    argument(info, 1, "data").fail("at least one byte to send the descriptors with");
  std::vector<int> fds;
  for (const int64_t fd : argument(info, 2, "fds").integers(0, INT32_MAX))
    fds.push_back(static_cast<int>(fd));
  if (fds.empty() || fds.size() > kMaxPassed) argument(info, 2, "fds").fail("1 to 253 descriptors");
  sendWithFds(socket, data.Data(), data.ByteLength(), fds);
  return info.Env().Undefined();
}

}  // namespace

Napi::Function OwnedFd::define(Napi::Env env) {
  return DefineClass(
      env, "OwnedFd",
      {InstanceAccessor<&OwnedFd::fd>("fd", napi_enumerable), InstanceMethod<&OwnedFd::close>("close")});
}

Napi::Object OwnedFd::create(Napi::Env env, unique_fd fd) {
  return envData(env).ownedFd.New({Napi::External<unique_fd>::New(env, &fd)});
}

OwnedFd::OwnedFd(const Napi::CallbackInfo& info) : Napi::ObjectWrap<OwnedFd>(info) {
  // Only native code has an External: JavaScript can't make itself the owner of a number.
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "OwnedFd cannot be constructed");
  fd_ = std::move(*info[0].As<Napi::External<unique_fd>>().Data());
}

Napi::Value OwnedFd::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd_.get());
}

void OwnedFd::close(const Napi::CallbackInfo&) {
  fd_.reset();
}

void registerOwnedFd(Napi::Env env, Napi::Object exports) {
  envData(env).ownedFd = Napi::Persistent(OwnedFd::define(env));
  exportFunction<passFds>(exports, "passFds");
}

}  // namespace podrun
