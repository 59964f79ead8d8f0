#include "keeper_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <chrono>

namespace fairlead {

namespace {

using Clock = std::chrono::steady_clock;

/** What the new process has open, and how it is set up; freed whatever happens. */
class Spawning {
 public:
  explicit Spawning(int connection) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, connection, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
  ~Spawning() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  int start(pid_t* pid, const std::string& executable, char* const* arguments) const {
    char* environment[] = {nullptr};
    return posix_spawn(pid, executable.c_str(), &actions_, &attributes_, arguments, environment);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

Result<Done> await(int socket, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return SystemError{ETIMEDOUT, "poll"};
    pollfd watched{socket, events, 0};
    const int ready = poll(&watched, 1, static_cast<int>(left));
    if (ready > 0) return Done{};
    if (ready < 0 && errno != EINTR) return lastError("poll");
  }
}

Result<Done> send(int connection, char kind, const std::string& key, const std::vector<Fd>& fds,
                  Clock::time_point deadline) {
  while (!sendMessage(connection, kind, key, fds)) {
    if (errno == EPIPE) return SystemError{ECONNRESET, "sendmsg"};
    if (errno != EAGAIN && errno != EINTR) return lastError("sendmsg");
    const Result<Done> writable = await(connection, POLLOUT, deadline);
    if (errorOf(writable)) return writable;
  }
  return Done{};
}

}  // namespace

Result<Fd> startKeeper(const std::string& executable, const std::string& path, int waitMs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return lastError("socketpair");
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return lastError("fcntl");
  std::string arguments[] = {executable, path, std::to_string(waitMs)};
  char* pointers[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t pid;
  const int failed = Spawning(theirs.get()).start(&pid, executable, pointers);
  if (failed != 0) return SystemError{failed, "posix_spawn"};
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return lastError("waitpid");
  }
  return ours;
}

Result<KeeperConnection> connectKeeper(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return SystemError{ENAMETOOLONG, "connect"};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return lastError("socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return lastError("connect");
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return lastError("getsockopt");
  if (peer.uid != geteuid()) return SystemError{EPERM, "connect"};
  return KeeperConnection{std::move(fd), peer.pid};
}

Result<std::vector<Message>> askKeeper(int connection, char kind, const std::string& key, const std::vector<Fd>& fds,
                                       int timeoutMs) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeoutMs);
  const Result<Done> sent = send(connection, kind, key, fds, deadline);
  if (const SystemError* error = errorOf(sent)) return *error;
  std::vector<Message> answers;
  while (answers.empty() || answers.back().kind == answer::kept) {
    Message message;
    if (receiveMessage(connection, message)) {
      answers.push_back(std::move(message));
      continue;
    }
    if (errno == 0) return SystemError{ECONNRESET, "recvmsg"};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return lastError("recvmsg");
    const Result<Done> readable = await(connection, POLLIN, deadline);
    if (const SystemError* error = errorOf(readable)) return *error;
  }
  return answers;
}

}  // namespace fairlead
