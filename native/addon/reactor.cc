#include "reactor.h"

#include <algorithm>

namespace fairlead {

namespace {

constexpr size_t eventsPerTurn = 64;

}  // namespace

Result<Done> Reactor::watch(int fd, uint32_t events, Watched& watched) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return lastError("epoll_ctl");
  return Done{};
}

void Reactor::change(int fd, uint32_t events, Watched& watched) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watched;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Reactor::close(Fd& fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  fd.close();
}

void Reactor::bury(std::unique_ptr<Watched> watched) {
  std::erase(unfinished_, watched.get());
  buried_.push_back(std::move(watched));
}

void Reactor::wait(int timeoutMs) {
  events_.resize(eventsPerTurn);
  told_ = 0;
  events_.resize(std::max(epoll_wait(epoll_.get(), events_.data(), eventsPerTurn, timeoutMs), 0));
}

void Reactor::beginTurn() {
  for (Watched* watched : unfinished_) {
    epoll_event event{};
    event.data.ptr = watched;
    events_.push_back(event);
    watched->isUnfinished_ = false;
  }
  unfinished_.clear();
}

Watched* Reactor::next() {
  while (told_ < events_.size()) {
    Watched* watched = static_cast<Watched*>(events_[told_++].data.ptr);
    if (!isBuried(watched)) return watched;
  }
  return nullptr;
}

bool Reactor::endTurn() {
  buried_.clear();
  return !unfinished_.empty();
}

bool Reactor::isBuried(const Watched* watched) const {
  return std::ranges::any_of(buried_, [watched](const auto& one) { return one.get() == watched; });
}

}  // namespace fairlead
