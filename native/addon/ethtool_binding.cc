#include "addon.h"
#include "ethtool.h"
#include "task.h"

namespace fairlead {

namespace {

/** hasTransmitChecksum(ifname) */
Napi::Value has(const Napi::CallbackInfo& info) {
  return Task<bool>::run(
      info.Env(), [ifname = textAt(info, 0)] { return hasTransmitChecksum(ifname); },
      [](Napi::Env env, bool&& on) -> Napi::Value { return Napi::Boolean::New(env, on); });
}

/** setTransmitChecksum(ifname, on) */
Napi::Value set(const Napi::CallbackInfo& info) {
  return Task<Done>::run(
      info.Env(), [ifname = textAt(info, 0), on = info[1].ToBoolean().Value()] { return setTransmitChecksum(ifname, on); },
      toUndefined);
}

}  // namespace

void exportEthtool(Napi::Env env, Napi::Object exports) {
  exports.Set("hasTransmitChecksum", Napi::Function::New(env, has));
  exports.Set("setTransmitChecksum", Napi::Function::New(env, set));
}

}  // namespace fairlead
