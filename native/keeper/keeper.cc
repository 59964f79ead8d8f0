#include "keeper.h"

#include <poll.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>

namespace fairlead {

namespace {

/** A daemon that does not read for so long is gone, or as good as that. */
void boundSending(int socket) {
  constexpr timeval patience{5, 0};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int64_t nowMs() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

bool isOurUser(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid();
}

}  // namespace

bool Keeper::listen() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Bound under a name of its own and moved, so that whoever connects finds one or the other.
  const std::string own = path_ + "." + std::to_string(getpid());
  if (own.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  own.copy(address.sun_path, own.size());
  listener_ = Fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener_) return false;
  unlink(own.c_str());
  umask(0177);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  struct stat status;
  if (::listen(listener_.get(), 8) == 0 && stat(own.c_str(), &status) == 0 && rename(own.c_str(), path_.c_str()) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
    return true;
  }
  const int failed = errno;
  unlink(own.c_str());
  errno = failed;
  return false;
}

void Keeper::run() {
  int64_t deadline = nowMs() + waitMs_;
  boundSending(daemon_.get());
  while (true) {
    const bool waits = !daemon_;
    const int64_t left = std::max<int64_t>(deadline - nowMs(), 0);
    pollfd watched[] = {{listener_.get(), POLLIN, 0}, {daemon_.get(), POLLIN, 0}};
    const int ready = poll(watched, 2, waits ? static_cast<int>(left) : -1);
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0 && kept_.empty()) break;
    // To close all takes the kernel a while: whoever comes meanwhile waits for it, instead of finding everything taken.
    if (ready == 0) kept_.clear();
    if (ready <= 0) continue;
    if (watched[1].revents != 0) serve();
    // What a daemon that ended still said is heard first.
    else if (watched[0].revents != 0) accept();
    if (!waits && !daemon_) deadline = nowMs() + waitMs_;
  }
  leave();
}

/** The last to come is the daemon: one before it that is still connected is on its way out, or hangs. */
void Keeper::accept() {
  Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection || !isOurUser(connection.get())) return;
  boundSending(connection.get());
  daemon_ = std::move(connection);
}

void Keeper::serve() {
  Message request;
  if (!receiveMessage(daemon_.get(), request)) {
    if (errno != EINTR && errno != EAGAIN) daemon_.close();
    return;
  }
  if (!answer(request)) daemon_.close();
}

bool Keeper::answer(Message& request) {
  bool done = true;
  if (request.kind == request::keep && !request.fds.empty()) {
    kept_[request.key] = std::move(request.fds);
  } else if (request.kind == request::drop) {
    kept_.erase(request.key);
  } else if (request.kind == request::list) {
    for (const auto& [key, fds] : kept_) {
      if (!sendMessage(daemon_.get(), answer::kept, key, fds)) return false;
    }
  } else {
    done = false;
  }
  return sendMessage(daemon_.get(), done ? answer::done : answer::failed, std::to_string(getpid()));
}

void Keeper::leave() {
  struct stat status;
  if (stat(path_.c_str(), &status) != 0 || status.st_dev != device_ || status.st_ino != inode_) return;
  unlink(path_.c_str());
}

}  // namespace fairlead
