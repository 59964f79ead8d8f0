// Work on a pool thread, as a promise.
#pragma once

#include <napi.h>

#include <functional>
#include <utility>

#include "error.h"

namespace fairlead {

inline Napi::Value toValue(Napi::Env env, Done) { return env.Undefined(); }

/** Rejects with the error of `work`, or resolves to its result by `toValue(env, result)`. */
template <typename T>
class Task final : public Napi::AsyncWorker {
 public:
  static Napi::Promise run(Napi::Env env, std::function<Result<T>()> work) {
    Task* task = new Task(env, std::move(work));  // AsyncWorker deletes itself when done
    task->Queue();
    return task->deferred_.Promise();
  }

 private:
  Task(Napi::Env env, std::function<Result<T>()> work)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)) {}

  void Execute() override { result_ = work_(); }

  void OnOK() override {
    if (const SystemError* error = errorOf(result_)) {
      deferred_.Reject(toError(Env(), *error).Value());
    } else {
      deferred_.Resolve(toValue(Env(), std::move(std::get<T>(result_))));
    }
  }

  Napi::Promise::Deferred deferred_;
  std::function<Result<T>()> work_;
  Result<T> result_;
};

}  // namespace fairlead
