#include <linux/filter.h>

#include <memory>

#include "addon.h"
#include "relay.h"

namespace fairlead {

namespace {

/** Replaces the filter of a held port, which lets nothing in, by the one given. */
Result<Done> setFilter(int fd, Napi::Uint8Array program) {
  const sock_fprog filter{static_cast<unsigned short>(program.ByteLength() / sizeof(sock_filter)),
                          reinterpret_cast<sock_filter*>(program.Data())};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) return lastError("setsockopt");
  return Done{};
}

/**
 * relayPort(fd, protocol, address, port, filter as struct sock_filter, most connections or clients, idle milliseconds): takes
 * the socket, also when it throws.
 */
void add(const Napi::CallbackInfo& info, Relay& relay) {
  Fd listener(integerAt(info, 0));
  const int fd = listener.get();
  const int protocol = textAt(info, 1) == "tcp" ? IPPROTO_TCP : IPPROTO_UDP;
  const SocketAddress to = toSocketAddress(textAt(info, 2), static_cast<uint16_t>(integerAt(info, 3)));
  const PortLimits limits{static_cast<size_t>(integerAt(info, 5)), std::chrono::milliseconds(integerAt(info, 6))};
  Result<Done> done = relay.add(protocol, std::move(listener), to, limits);
  if (!errorOf(done)) {
    done = setFilter(fd, info[4].As<Napi::Uint8Array>());
    if (errorOf(done)) relay.remove({fd});
  }
  if (const SystemError* error = errorOf(done)) toError(info.Env(), *error).ThrowAsJavaScriptException();
}

/** endRelays(fds) */
void remove(const Napi::CallbackInfo& info, Relay& relay) {
  const auto fds = info[0].As<Napi::Int32Array>();
  relay.remove(std::vector<int>(fds.Data(), fds.Data() + fds.ElementLength()));
}

/** closeRelaysTo(names of interfaces) */
void closeTo(const Napi::CallbackInfo& info, Relay& relay) {
  const auto names = info[0].As<Napi::Array>();
  std::vector<std::string> interfaces;
  for (uint32_t i = 0; i < names.Length(); i++) interfaces.push_back(names.Get(i).As<Napi::String>());
  relay.closeTo(interfaces);
}

}  // namespace

void exportRelay(Napi::Env env, Napi::Object exports) {
  const auto relay = std::make_shared<Relay>();
  env.AddCleanupHook([relay] { relay->stop(); });
  exports.Set("relayPort", Napi::Function::New(env, [relay](const Napi::CallbackInfo& info) { add(info, *relay); }));
  exports.Set("closeRelaysTo", Napi::Function::New(env, [relay](const Napi::CallbackInfo& info) { closeTo(info, *relay); }));
  exports.Set("endRelays", Napi::Function::New(env, [relay](const Napi::CallbackInfo& info) { remove(info, *relay); }));
}

}  // namespace fairlead
