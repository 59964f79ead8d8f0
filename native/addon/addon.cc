#include "addon.h"

static Napi::Object initModule(Napi::Env env, Napi::Object exports) {
  fairlead::exportPrograms(env, exports);
  fairlead::exportNamespaces(env, exports);
  fairlead::exportSockets(env, exports);
  fairlead::exportProcesses(env, exports);
  fairlead::exportEthtool(env, exports);
  fairlead::exportKeeper(env, exports);
  fairlead::exportRelay(env, exports);
  fairlead::exportNameServer(env, exports);
  return exports;
}

NODE_API_MODULE(fairlead, initModule)
