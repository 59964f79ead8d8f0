// Watching a descriptor from the event loop.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <optional>

#include "error.h"
#include "fd.h"

namespace fairlead {

/** Calls a function whenever its descriptor is readable. Never keeps the event loop alive. */
class Poll : public std::enable_shared_from_this<Poll> {
 public:
  static Result<std::shared_ptr<Poll>> start(Napi::Env env, int fd, Napi::Function onReadable);
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;
  ~Poll() = default;

  /** Closes the descriptor as well. May be repeated. */
  void close();

 private:
  Poll(Napi::Env env, Napi::Function onReadable);

  void arm();
  void call();

  Napi::Env env_;
  std::optional<Napi::AsyncContext> context_;
  Napi::FunctionReference onReadable_;
  uv_poll_t handle_{};
  Fd fd_;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  /** Keeps this alive until libuv has let go of the handle. */
  std::shared_ptr<Poll> self_;
};

}  // namespace fairlead
