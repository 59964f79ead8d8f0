// What JavaScript sees of the addon. Arguments are checked in TypeScript (src/kernel), here they are only converted.
#include <fcntl.h>
#include <napi.h>

#include <cstring>
#include <memory>

#include "namespace.h"
#include "netlink_thread.h"
#include "task.h"

namespace fairlead {

namespace {

/** One per environment: the main thread, or a worker. */
struct Addon {
  explicit Addon(Napi::Env env) : netlink(env), reaper(env) {}
  NetlinkThread netlink;
  NetlinkThread reaper;
};

constexpr size_t wordsPerStep = 4;

/** Device and inode numbers fit the 53 bits of a JavaScript number; those of namespaces are 32 bits wide. */
Napi::Object identityValue(Napi::Env env, dev_t device, ino_t inode) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("device", Napi::Number::New(env, static_cast<double>(device)));
  value.Set("inode", Napi::Number::New(env, static_cast<double>(inode)));
  return value;
}

int integerAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }

std::string textAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::String>().Utf8Value();
}

/** submit(reaper, namespace fd or -1, steps as words of {verb, place, acks, length}, bytes): promise of the outcome. */
Napi::Value submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Addon* addon = env.GetInstanceData<Addon>();
  NetlinkThread& thread = info[0].As<Napi::Boolean>() ? addon->reaper : addon->netlink;
  const int netns = integerAt(info, 1);
  const auto words = info[2].As<Napi::Uint32Array>();
  const auto bytes = info[3].As<Napi::Uint8Array>();

  Program program;
  // The caller may close its descriptor before the program runs.
  if (netns >= 0) program.netns = Fd(fcntl(netns, F_DUPFD_CLOEXEC, 0));
  program.steps.resize(words.ElementLength() / wordsPerStep);
  std::memcpy(program.steps.data(), words.Data(), program.steps.size() * sizeof(Step));
  program.bytes.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  return thread.submit(env, std::move(program));
}

Napi::Value openNamespaceAt(const Napi::CallbackInfo& info) {
  return Task<Namespace>::run(info.Env(), [path = textAt(info, 0)] { return openNamespace(path); });
}

Napi::Value createNamespaceAt(const Napi::CallbackInfo& info) {
  return Task<NamespaceIdentity>::run(
      info.Env(), [path = textAt(info, 0), disableIpv6 = info[1].As<Napi::Boolean>().Value()] {
        return createPinnedNamespace(path, disableIpv6);
      });
}

Napi::Value unpinNamespaceAt(const Napi::CallbackInfo& info) {
  return Task<Done>::run(info.Env(), [path = textAt(info, 0)] { return unpinNamespace(path); });
}

}  // namespace

Napi::Value toValue(Napi::Env env, Namespace&& opened) {
  Napi::Object value = identityValue(env, opened.device, opened.inode);
  value.Set("fd", Napi::Number::New(env, opened.fd.release()));
  return value;
}

Napi::Value toValue(Napi::Env env, NamespaceIdentity identity) {
  return identityValue(env, identity.device, identity.inode);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  static_assert(sizeof(Step) == wordsPerStep * sizeof(uint32_t));
  env.SetInstanceData(new Addon(env));
  exports.Set("submit", Napi::Function::New(env, submit));
  exports.Set("openNamespace", Napi::Function::New(env, openNamespaceAt));
  exports.Set("createPinnedNamespace", Napi::Function::New(env, createNamespaceAt));
  exports.Set("unpinNamespace", Napi::Function::New(env, unpinNamespaceAt));
  return exports;
}

}  // namespace fairlead

static Napi::Object initModule(Napi::Env env, Napi::Object exports) { return fairlead::init(env, exports); }

NODE_API_MODULE(fairlead, initModule)
