#include "addon.h"
#include "namespace.h"
#include "task.h"

namespace fairlead {

namespace {

/** Device and inode numbers of namespaces are 32 bits wide. */
Napi::Object identityValue(Napi::Env env, dev_t device, ino_t inode) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("device", Napi::Number::New(env, static_cast<double>(device)));
  value.Set("inode", Napi::Number::New(env, static_cast<double>(inode)));
  return value;
}

Napi::Value toValue(Napi::Env env, Namespace&& opened) {
  Napi::Object value = identityValue(env, opened.device, opened.inode);
  value.Set("fd", Napi::Number::New(env, opened.fd.release()));
  return value;
}

Napi::Value toValue(Napi::Env env, NamespaceIdentity&& identity) {
  return identityValue(env, identity.device, identity.inode);
}

/** openNamespace(path): takes microseconds, a tenth of what it costs to ask a pool thread. */
Napi::Value open(const Napi::CallbackInfo& info) {
  Result<Namespace> opened = openNamespace(textAt(info, 0));
  if (const SystemError* error = errorOf(opened)) {
    toError(info.Env(), *error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return toValue(info.Env(), std::move(std::get<Namespace>(opened)));
}

/** socketNamespace(fd) */
Napi::Value ofSocket(const Napi::CallbackInfo& info) {
  Result<NamespaceIdentity> identity = socketNamespace(integerAt(info, 0));
  if (const SystemError* error = errorOf(identity)) {
    toError(info.Env(), *error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return toValue(info.Env(), std::move(std::get<NamespaceIdentity>(identity)));
}

Napi::Value createPinned(const Napi::CallbackInfo& info) {
  const bool disableIpv6 = info[1].As<Napi::Boolean>();
  return Task<NamespaceIdentity>::run(
      info.Env(), [path = textAt(info, 0), disableIpv6] { return createPinnedNamespace(path, disableIpv6); }, toValue);
}

Napi::Value unpin(const Napi::CallbackInfo& info) {
  return Task<Done>::run(info.Env(), [path = textAt(info, 0)] { return unpinNamespace(path); }, toUndefined);
}

}  // namespace

void exportNamespaces(Napi::Env env, Napi::Object exports) {
  exports.Set("openNamespace", Napi::Function::New(env, open));
  exports.Set("createPinnedNamespace", Napi::Function::New(env, createPinned));
  exports.Set("socketNamespace", Napi::Function::New(env, ofSocket));
  exports.Set("unpinNamespace", Napi::Function::New(env, unpin));
}

}  // namespace fairlead
