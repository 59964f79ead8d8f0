#include "poll.h"

#include <utility>

namespace fairlead {

Poll::Poll(Napi::Env env, Napi::Function onReadable)
    : env_(env), context_(std::in_place, env, "fairlead poll"), onReadable_(Napi::Persistent(onReadable)) {}

Result<std::shared_ptr<Poll>> Poll::start(Napi::Env env, int fd, Napi::Function onReadable) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  const std::shared_ptr<Poll> poll(new Poll(env, onReadable));
  const int failed = uv_poll_init(loop, &poll->handle_, fd);
  if (failed != 0) return SystemError{-failed, "uv_poll_init"};
  poll->self_ = poll;
  poll->fd_ = Fd(fd);
  poll->handle_.data = poll.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll->handle_));
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<Poll*>(data)->close(); }, poll.get(),
      &poll->cleanup_);
  poll->arm();
  return poll;
}

void Poll::arm() {
  uv_poll_start(&handle_, UV_READABLE, [](uv_poll_t* handle, int status, int) {
    Poll* poll = static_cast<Poll*>(handle->data);
    poll->call();
    // libuv stops at an error; one of a socket (an overrun, say) is over once it has been read.
    if (status < 0 && poll->fd_) poll->arm();
  });
}

void Poll::close() {
  if (!fd_) return;
  onReadable_.Reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), [](uv_handle_t* handle) {
    Poll* poll = static_cast<Poll*>(handle->data);
    poll->context_.reset();
    napi_remove_async_cleanup_hook(poll->cleanup_);
    poll->self_.reset();
  });
  fd_.close();  // after uv_close, which takes it out of the loop's epoll set
}

void Poll::call() {
  const Napi::HandleScope scope(env_);
  onReadable_.Value().MakeCallback(env_.Global(), {}, *context_);
  if (env_.IsExceptionPending()) napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
}

}  // namespace fairlead
