#include "http/unix_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "addon/fd.h"

namespace fairlead {

namespace {

using Clock = std::chrono::steady_clock;

HttpError systemError(std::string what, HttpFault fault = HttpFault::broken) {
  return {std::move(what) + ": " + std::strerror(errno), fault};
}

std::variant<Fd, HttpError> connectTo(const std::string& path, const Limits& limits) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  static_assert(sizeof address.sun_path == maxSocketPathBytes + 1);
  if (path.empty() || path.size() > maxSocketPathBytes) {
    return HttpError{"the path of the socket, " + path + ", is empty or too long", HttpFault::away};
  }
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return systemError("cannot open a socket");
  // Bounds the wait for a server whose queue of connections is full.
  const timeval time{.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(limits.time).count(), .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EINTR) continue;
    const HttpFault fault = errno == EAGAIN ? HttpFault::late : HttpFault::away;
    return systemError("cannot reach netd at unix://" + path, fault);
  }
  return socket;
}

/** Waits until the socket is ready for `events`; an error text when it is not in time. */
std::optional<HttpError> await(const Fd& socket, short events, Clock::time_point deadline) {
  pollfd ready{.fd = socket.get(), .events = events, .revents = 0};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const int count = ::poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (count > 0) return std::nullopt;
    if (count == 0) return HttpError{"netd did not answer in time", HttpFault::late};
    if (errno != EINTR) return systemError("cannot wait for netd");
  }
}

bool mayTryAgain() { return errno == EINTR || errno == EAGAIN; }

std::optional<HttpError> write(const Fd& socket, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    if (auto error = await(socket, POLLOUT, deadline)) return error;
    const ssize_t written = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      return std::nullopt;  // it may have answered before it had read all: the answer tells
    } else if (!mayTryAgain()) {
      return systemError("cannot write to netd");
    }
  }
  return std::nullopt;
}

std::optional<HttpError> read(const Fd& socket, ResponseReader& reader, Clock::time_point deadline) {
  std::array<char, 16 * 1024> buffer;
  while (!reader.complete()) {
    if (auto error = await(socket, POLLIN, deadline)) return error;
    const ssize_t bytes = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (bytes > 0) {
      reader.take({buffer.data(), static_cast<size_t>(bytes)});
    } else if (bytes == 0) {
      reader.close();
    } else if (!mayTryAgain()) {
      return systemError("netd broke the connection");
    }
    if (!reader.refusal().empty()) return HttpError{"netd's answer cannot be used: " + reader.refusal()};
  }
  return std::nullopt;
}

std::string render(const Post& post) {
  return "POST " + post.path +
         " HTTP/1.1\r\n"
         "host: fairlead\r\n"
         "connection: close\r\n"
         "content-type: application/json\r\n"
         "content-length: " +
         std::to_string(post.body.size()) + "\r\n\r\n" + post.body;
}

}  // namespace

std::variant<Response, HttpError> exchange(const std::string& socketPath, const Post& post, const Limits& limits) {
  const auto deadline = Clock::now() + limits.time;
  auto connection = connectTo(socketPath, limits);
  if (auto* error = std::get_if<HttpError>(&connection)) return std::move(*error);
  const Fd& socket = *std::get_if<Fd>(&connection);
  ResponseReader reader(limits.bodyBytes);
  if (auto error = write(socket, render(post), deadline)) return std::move(*error);
  if (auto error = read(socket, reader, deadline)) return std::move(*error);
  return std::move(reader.response());
}

}  // namespace fairlead
