#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

/** Told when its descriptor is ready. */
class Watcher {
 public:
  virtual void onEvents(uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

/** The one epoll loop of the sandbox. */
class Loop {
 public:
  Loop();
  void add(int fd, uint32_t events, Watcher& watcher);
  void modify(int fd, uint32_t events, Watcher& watcher);
  void remove(int fd);
  /**
   * Waits for one event and handles it. One at a time: a handler may then destroy any other watcher, as no
   * event of it can be waiting here; the kernel keeps the order fair (ready descriptors take turns).
   */
  void turn();

 private:
  unique_fd epoll_;
};

/** A descriptor in the loop: closed and taken out together. A forked child's copy of it would keep it in
 * otherwise. */
class Source {
 public:
  Source(Loop& loop, Watcher& watcher) : loop_(loop), watcher_(watcher) {}
  ~Source() { close(); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void open(unique_fd fd, uint32_t events);
  /** 0 takes it out of the loop, where even EPOLLHUP would be reported, until it is wanted again. */
  void want(uint32_t events);
  void close();
  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  Loop& loop_;
  Watcher& watcher_;
  unique_fd fd_;
  uint32_t events_ = 0;
};

/** Passes events to a member function, for objects with several descriptors. */
template <typename Owner, void (Owner::*Method)(uint32_t)>
class MemberSource final : public Watcher, public Source {
 public:
  MemberSource(Loop& loop, Owner& owner) : Source(loop, *this), owner_(owner) {}
  void onEvents(uint32_t events) override { (owner_.*Method)(events); }

 private:
  Owner& owner_;
};

/** A timerfd that fires once after `ms`. */
unique_fd timerAfter(int64_t ms);

}  // namespace podrun
