// One HTTP request over a unix socket, with everything bounded: time, size of the answer, and no retry.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <variant>

#include "http/response.h"

namespace fairlead {

struct Post {
  std::string path;
  /** JSON. */
  std::string body;
};

struct Limits {
  /** For the whole exchange. */
  std::chrono::milliseconds time{30'000};
  size_t bodyBytes = 8 * 1024 * 1024;
};

enum class HttpFault {
  /** Nobody listens, so nothing was asked. */
  away,
  /** There was no whole answer in time. */
  late,
  /** The connection broke off, or what came is no answer. */
  broken,
};

struct HttpError {
  std::string message;
  HttpFault fault = HttpFault::broken;
};

/** What the kernel takes for a path (`struct sockaddr_un`), without the final NUL. */
inline constexpr size_t maxSocketPathBytes = 107;

/** Sends the request and reads the answer, whatever its status. `socketPath` is a path in the file system. */
std::variant<Response, HttpError> exchange(const std::string& socketPath, const Post& post, const Limits& limits = {});

}  // namespace fairlead
