#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "addon.h"
#include "name_server.h"
#include "poll.h"

namespace fairlead {

namespace {

using Server = std::shared_ptr<NameServer>;

dns::Bytes bytesAt(const Napi::CallbackInfo& info, size_t index) {
  const auto bytes = info[index].As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

uint32_t numberAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
}

/**
 * listen(udp fd, tcp fd, number of sandbox or 0, number of network or 0, unknown is elsewhere, datagram bytes, connections,
 * idle milliseconds): the listener's number; takes the sockets, also when it throws.
 */
Napi::Value listen(const Napi::CallbackInfo& info, NameServer& server) {
  Fd udp(integerAt(info, 0));
  Fd tcp(integerAt(info, 1));
  dns::Asker asker;
  asker.sandbox = numberAt(info, 2);
  asker.network = numberAt(info, 3);
  asker.unknownIsElsewhere = info[4].ToBoolean();
  const ListenerLimits limits{numberAt(info, 5), {numberAt(info, 6), std::chrono::milliseconds(numberAt(info, 7))}};
  const Result<uint32_t> listener = server.listen(std::move(udp), std::move(tcp), asker, limits);
  if (const SystemError* error = errorOf(listener)) {
    toError(info.Env(), *error).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), std::get<uint32_t>(listener));
}

/** One after the other, all as numbers: a thousand objects would take long to make here. */
Napi::Value toArray(Napi::Env env, const std::vector<double>& figures) {
  Napi::Float64Array array = Napi::Float64Array::New(env, figures.size());
  std::copy(figures.begin(), figures.end(), array.Data());
  return array;
}

/** counts(): `sandboxes` has seven figures for each of them, `networks` two. */
Napi::Value counts(Napi::Env env, NameServer& server) {
  const NameServerCounts counts = server.counts();
  std::vector<double> sandboxes;
  for (const auto& [sandbox, questions, answered, noData, noName, remembered, left] : counts.names.sandboxes) {
    for (const uint64_t figure : {uint64_t{sandbox}, questions, answered, noData, noName, remembered, left}) {
      sandboxes.push_back(static_cast<double>(figure));
    }
  }
  std::vector<double> networks;
  for (const auto& [network, answered] : counts.names.networks) {
    networks.push_back(network);
    networks.push_back(static_cast<double>(answered));
  }
  Napi::Object value = Napi::Object::New(env);
  value.Set("sandboxes", toArray(env, sandboxes));
  value.Set("networks", toArray(env, networks));
  value.Set("malformed", static_cast<double>(counts.names.malformed));
  value.Set("overflowed", static_cast<double>(counts.overflowed));
  value.Set("connections", static_cast<double>(counts.connections));
  return value;
}

template <typename Method>
void setMethod(Napi::Object object, const char* name, const Server& server, Method method) {
  object.Set(name, Napi::Function::New(object.Env(), [server, method](const Napi::CallbackInfo& info) -> Napi::Value {
               return method(info, *server);
             }));
}

/** What stops it, once: when it is told to, or when its environment ends. */
Napi::Function stopOf(Napi::Env env, const Server& server, const std::shared_ptr<Poll>& poll) {
  const auto stop = [server] { server->stop(); };
  using Hook = decltype(env.AddCleanupHook(stop));
  const auto hook = std::make_shared<std::optional<Hook>>(env.AddCleanupHook(stop));
  return Napi::Function::New(env, [server, poll, hook](const Napi::CallbackInfo& info) {
    if (!*hook) return;
    server->stop();
    poll->close();
    (*hook)->Remove(info.Env());
    hook->reset();
  });
}

/** startNameServer(function called when questions are left): an object of functions, see src/kernel/native.ts. */
Napi::Value start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fd bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Result<std::shared_ptr<Poll>> polled = lastError("eventfd");
  if (bell) polled = Poll::start(env, fcntl(bell.get(), F_DUPFD_CLOEXEC, 0), info[0].As<Napi::Function>());
  if (const SystemError* error = errorOf(polled)) {
    toError(env, *error).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto server = std::make_shared<NameServer>(std::move(bell));
  Napi::Object handle = Napi::Object::New(env);
  setMethod(handle, "apply", server, [](const Napi::CallbackInfo& call, NameServer& it) -> Napi::Value {
    return Napi::Boolean::New(call.Env(), it.apply(bytesAt(call, 0)));
  });
  setMethod(handle, "listen", server, listen);
  setMethod(handle, "close", server, [](const Napi::CallbackInfo& call, NameServer& it) -> Napi::Value {
    it.close(numberAt(call, 0));
    return call.Env().Undefined();
  });
  setMethod(handle, "takeLeft", server, [](const Napi::CallbackInfo& call, NameServer& it) -> Napi::Value {
    const std::vector<uint8_t> left = it.takeLeft();
    return Napi::Buffer<uint8_t>::Copy(call.Env(), left.data(), left.size());
  });
  setMethod(handle, "reply", server, [](const Napi::CallbackInfo& call, NameServer& it) -> Napi::Value {
    it.reply(bytesAt(call, 0));
    return call.Env().Undefined();
  });
  setMethod(handle, "counts", server,
            [](const Napi::CallbackInfo& call, NameServer& it) { return counts(call.Env(), it); });
  handle.Set("stop", stopOf(env, server, std::get<std::shared_ptr<Poll>>(polled)));
  return handle;
}

}  // namespace

void exportNameServer(Napi::Env env, Napi::Object exports) {
  exports.Set("startNameServer", Napi::Function::New(env, start));
}

}  // namespace fairlead
