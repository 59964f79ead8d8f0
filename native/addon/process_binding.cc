#include "addon.h"
#include "process.h"

namespace fairlead {

namespace {

/** openProcess(pid): a pidfd. */
Napi::Value open(const Napi::CallbackInfo& info) {
  Result<Fd> opened = openProcess(integerAt(info, 0));
  if (const SystemError* error = errorOf(opened)) {
    toError(info.Env(), *error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), std::get<Fd>(opened).release());
}

/** signalProcess(pidfd, signal) */
void signal(const Napi::CallbackInfo& info) {
  const Result<Done> sent = signalProcess(integerAt(info, 0), integerAt(info, 1));
  if (const SystemError* error = errorOf(sent)) toError(info.Env(), *error).ThrowAsJavaScriptException();
}

/** raiseOpenFiles(wanted): how many descriptors may be open from now on. */
Napi::Value raise(const Napi::CallbackInfo& info) {
  const Result<size_t> raised = raiseOpenFiles(static_cast<size_t>(integerAt(info, 0)));
  if (const SystemError* error = errorOf(raised)) {
    toError(info.Env(), *error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), static_cast<double>(std::get<size_t>(raised)));
}

}  // namespace

void exportProcesses(Napi::Env env, Napi::Object exports) {
  exports.Set("openProcess", Napi::Function::New(env, open));
  exports.Set("raiseOpenFiles", Napi::Function::New(env, raise));
  exports.Set("signalProcess", Napi::Function::New(env, signal));
}

}  // namespace fairlead
