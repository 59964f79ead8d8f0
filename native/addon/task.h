// Work on a pool thread, as a promise.
#pragma once

#include <napi.h>

#include <functional>
#include <utility>

#include "error.h"

namespace fairlead {

inline Napi::Value toUndefined(Napi::Env env, Done&&) { return env.Undefined(); }

/** Rejects with the error of `work`, or resolves to its result as `convert` turns it into a value. */
template <typename T>
class Task final : public Napi::AsyncWorker {
 public:
  using Convert = Napi::Value (*)(Napi::Env, T&&);

  static Napi::Promise run(Napi::Env env, std::function<Result<T>()> work, Convert convert) {
    Task* task = new Task(env, std::move(work), convert);  // AsyncWorker deletes itself when done
    task->Queue();
    return task->deferred_.Promise();
  }

 private:
  Task(Napi::Env env, std::function<Result<T>()> work, Convert convert)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), convert_(convert) {}

  void Execute() override { result_ = work_(); }

  void OnOK() override {
    if (const SystemError* error = errorOf(result_)) {
      deferred_.Reject(toError(Env(), *error).Value());
    } else {
      deferred_.Resolve(convert_(Env(), std::move(std::get<T>(result_))));
    }
  }

  Napi::Promise::Deferred deferred_;
  std::function<Result<T>()> work_;
  Convert convert_;
  Result<T> result_ = SystemError{ECANCELED, "uv_queue_work"};
};

}  // namespace fairlead
