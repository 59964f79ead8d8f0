// The parts of what JavaScript sees. Arguments are checked in TypeScript (src/kernel), here they are only converted.
#pragma once

#include <napi.h>

#include <string>

namespace fairlead {

/** Programs need a home per environment, so this is called once for each. */
void exportPrograms(Napi::Env env, Napi::Object exports);
void exportNamespaces(Napi::Env env, Napi::Object exports);
void exportSockets(Napi::Env env, Napi::Object exports);
void exportProcesses(Napi::Env env, Napi::Object exports);
void exportKeeper(Napi::Env env, Napi::Object exports);
void exportEthtool(Napi::Env env, Napi::Object exports);
/** The relay is one per environment as well. */
void exportRelay(Napi::Env env, Napi::Object exports);
void exportNameServer(Napi::Env env, Napi::Object exports);

inline int integerAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int32Value();
}

inline std::string textAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::String>().Utf8Value();
}

}  // namespace fairlead
