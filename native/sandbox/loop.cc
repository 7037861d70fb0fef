#include "sandbox/loop.h"

#include <sys/timerfd.h>

#include <cstdlib>

namespace podrun {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void Loop::add(int fd, uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  // Fails for lack of kernel memory alone: a monitor that cannot see its containers is no use to anybody.
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) abort();
}

void Loop::modify(int fd, uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::turn() {
  epoll_event event;
  if (epoll_wait(epoll_.get(), &event, 1, -1) == 1)
    static_cast<Watcher*>(event.data.ptr)->onEvents(event.events);
}

void Source::open(unique_fd fd, uint32_t events) {
  close();
  fd_ = std::move(fd);
  want(events);
}

void Source::want(uint32_t events) {
  if (!fd_ || events == events_) return;
  if (events_ == 0) {
    loop_.add(fd_.get(), events, watcher_);
  } else if (events == 0) {
    loop_.remove(fd_.get());
  } else {
    loop_.modify(fd_.get(), events, watcher_);
  }
  events_ = events;
}

void Source::close() {
  want(0);
  fd_.reset();
}

unique_fd timerAfter(int64_t ms) {
  unique_fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec spec{};
  spec.it_value.tv_sec = ms / 1000;
  spec.it_value.tv_nsec = ms % 1000 * 1000000 + 1;  // all zero would disarm it
  timerfd_settime(timer.get(), 0, &spec, nullptr);
  return timer;
}

}  // namespace podrun
