#include <fcntl.h>
#include <linux/netlink.h>

#include <memory>
#include <vector>

#include "addon.h"
#include "led_servers.h"
#include "multicast.h"
#include "namespace.h"
#include "poll.h"
#include "sockets.h"
#include "task.h"

namespace fairlead {

namespace {

/** The kernel announces in datagrams of at most a few pages. */
constexpr size_t datagramBytes = 64 << 10;

Napi::Value toValue(Napi::Env env, Fd&& fd) { return Napi::Number::New(env, fd.release()); }

Napi::Value toValue(Napi::Env env, std::vector<Fd>&& fds) {
  Napi::Array value = Napi::Array::New(env, fds.size());
  for (size_t i = 0; i < fds.size(); i++) value[i] = toValue(env, std::move(fds[i]));
  return value;
}

SocketAddress addressAt(const Napi::CallbackInfo& info, size_t index) {
  return toSocketAddress(textAt(info, index), static_cast<uint16_t>(integerAt(info, index + 1)));
}

int protocolOf(const std::string& name) {
  return name == "tcp" ? IPPROTO_TCP : name == "udp" ? IPPROTO_UDP : IPPROTO_SCTP;
}

/** Throws what went wrong. */
Napi::Value refuse(Napi::Env env, const SystemError& error) {
  toError(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

/** What is opened on a thread inside the namespace stays open there whoever holds it. */
template <typename T>
Napi::Value openInNamespace(Napi::Env env, int target, std::function<Result<T>()> open) {
  const auto netns = std::make_shared<Fd>(fcntl(target, F_DUPFD_CLOEXEC, 0));
  return Task<T>::run(env, [netns, open = std::move(open)] { return inNamespace<T>(netns->get(), open); }, toValue);
}

/** openServers(namespace fd, address, port): a UDP and a TCP socket, or none, in one visit to the namespace. */
Napi::Value openServersAt(const Napi::CallbackInfo& info) {
  return openInNamespace<std::vector<Fd>>(info.Env(), integerAt(info, 0),
                                          [address = addressAt(info, 1)] { return openServers(address); });
}

/** openServer(namespace fd, protocol, address, port) */
Napi::Value openServerAt(const Napi::CallbackInfo& info) {
  const int protocol = protocolOf(textAt(info, 1));
  return openInNamespace<Fd>(info.Env(), integerAt(info, 0),
                             [protocol, address = addressAt(info, 2)] { return openServer(protocol, address); });
}

/** openEcho(namespace fd, address) */
Napi::Value openEchoAt(const Napi::CallbackInfo& info) {
  return openInNamespace<Fd>(info.Env(), integerAt(info, 0),
                             [to = toSocketAddress(textAt(info, 1), 0)] { return openEcho(to); });
}

/** openClient(namespace fd, protocol, source address, target address, target port) */
Napi::Value openClientAt(const Napi::CallbackInfo& info) {
  const int protocol = protocolOf(textAt(info, 1));
  return openInNamespace<Fd>(info.Env(), integerAt(info, 0),
                             [protocol, from = toSocketAddress(textAt(info, 2), 0), to = addressAt(info, 3)] {
                               return openClient(protocol, from, to);
                             });
}

/**
 * openLedServers(namespace fd, address, port that is led, other address or '', ports, batches for nf_tables with one acknowledgement):
 * sockets of UDP and TCP at the first port that is free, and the one its batch was sent by. What the batch made and said to be
 * its owner's lasts as long as that socket (NFT_TABLE_F_OWNER).
 */
Napi::Value openLedServersAt(const Napi::CallbackInfo& info) {
  const auto ports = info[4].As<Napi::Uint16Array>();
  const auto batches = info[5].As<Napi::Array>();
  LedServers wanted{addressAt(info, 1), {}, {}};
  const std::string other = textAt(info, 3);
  if (!other.empty()) wanted.elsewhere = toSocketAddress(other, static_cast<uint16_t>(integerAt(info, 2)));
  for (uint32_t i = 0; i < ports.ElementLength(); i++) {
    const auto batch = batches.Get(i).As<Napi::Uint8Array>();
    wanted.places.push_back({ports[i], {batch.Data(), batch.Data() + batch.ByteLength()}});
  }
  return openInNamespace<std::vector<Fd>>(info.Env(), integerAt(info, 0),
                                          [wanted = std::move(wanted)] { return openLedServers(wanted); });
}

/** commitBy(last socket of openLedServers, batch for nf_tables with one acknowledgement): changes what the socket owns. */
Napi::Value commitByOwner(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const std::vector<uint8_t> batch(bytes.Data(), bytes.Data() + bytes.ByteLength());
  const auto owner = std::make_shared<Fd>(fcntl(integerAt(info, 0), F_DUPFD_CLOEXEC, 0));
  const std::function<Result<Done>()> work = [owner, batch] {
    return commitBy(std::move(*owner), batch);
  };
  return Task<Done>::run(info.Env(), work, toUndefined);
}

/** holdPort(protocol, address, port, both families) */
Napi::Value holdPortAt(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Result<HeldPort> held = holdPort(protocolOf(textAt(info, 0)), addressAt(info, 1), info[3].ToBoolean());
  if (const SystemError* error = errorOf(held)) return refuse(env, *error);
  Napi::Object value = Napi::Object::New(env);
  value.Set("fd", Napi::Number::New(env, std::get<HeldPort>(held).fd.release()));
  value.Set("port", Napi::Number::New(env, std::get<HeldPort>(held).port));
  return value;
}

/** sendToUnix(path, text) */
Napi::Value sendToUnixAt(const Napi::CallbackInfo& info) {
  const Result<Done> sent = sendToUnix(textAt(info, 0), textAt(info, 1));
  if (const SystemError* error = errorOf(sent)) return refuse(info.Env(), *error);
  return info.Env().Undefined();
}

/** openMulticast(namespace fd or -1, protocol, groups) */
Napi::Value openMulticastAt(const Napi::CallbackInfo& info) {
  const int target = integerAt(info, 0);
  const int protocol = textAt(info, 1) == "route" ? NETLINK_ROUTE : NETLINK_NETFILTER;
  const auto groups = info[2].As<Napi::Uint32Array>();
  const std::function<Result<Fd>()> open = [protocol, groups = std::vector<uint32_t>(
                                                          groups.Data(), groups.Data() + groups.ElementLength())] {
    return openMulticast(protocol, groups);
  };
  if (target < 0) return Task<Fd>::run(info.Env(), open, toValue);
  return openInNamespace<Fd>(info.Env(), target, open);
}

/** openMulticastEverywhere(message type, groups) */
Napi::Value openMulticastEverywhereHere(const Napi::CallbackInfo& info) {
  const auto messageType = static_cast<uint16_t>(integerAt(info, 0));
  const auto groups = info[1].As<Napi::Uint32Array>();
  const std::function<Result<Fd>()> open = [messageType, groups = std::vector<uint32_t>(
                                                             groups.Data(), groups.Data() + groups.ElementLength())] {
    return openMulticastEverywhere(messageType, groups);
  };
  return Task<Fd>::run(info.Env(), open, toValue);
}

/**
 * receive(fd): the next datagram as `{ bytes, namespaceId }`, without a number if it is from the socket's own namespace;
 * `undefined` when there is none yet, `null` when some were lost.
 */
Napi::Value receiveFrom(const Napi::CallbackInfo& info, std::vector<uint8_t>& buffer) {
  const Napi::Env env = info.Env();
  const Result<Datagram> received = receive(integerAt(info, 0), buffer);
  const SystemError* error = errorOf(received);
  if (error == nullptr) {
    const auto& [length, namespaceId] = std::get<Datagram>(received);
    Napi::Object datagram = Napi::Object::New(env);
    datagram.Set("bytes", Napi::Buffer<uint8_t>::Copy(env, buffer.data(), length));
    if (namespaceId) datagram.Set("namespaceId", Napi::Number::New(env, *namespaceId));
    return datagram;
  }
  if (error->number == EAGAIN) return env.Undefined();
  if (error->number == ENOBUFS) return env.Null();
  return refuse(env, *error);
}

/** poll(fd, function called while it is readable): a function that ends it and closes the descriptor. */
Napi::Value poll(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Result<std::shared_ptr<Poll>> started = Poll::start(env, integerAt(info, 0), info[1].As<Napi::Function>());
  if (const SystemError* error = errorOf(started)) return refuse(env, *error);
  return Napi::Function::New(env, [poll = std::get<std::shared_ptr<Poll>>(started)](const Napi::CallbackInfo&) {
    poll->close();
  });
}

}  // namespace

void exportSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("openLedServers", Napi::Function::New(env, openLedServersAt));
  exports.Set("openServers", Napi::Function::New(env, openServersAt));
  exports.Set("openServer", Napi::Function::New(env, openServerAt));
  exports.Set("openEcho", Napi::Function::New(env, openEchoAt));
  exports.Set("openClient", Napi::Function::New(env, openClientAt));
  exports.Set("commitBy", Napi::Function::New(env, commitByOwner));
  exports.Set("holdPort", Napi::Function::New(env, holdPortAt));
  exports.Set("sendToUnix", Napi::Function::New(env, sendToUnixAt));
  exports.Set("openMulticast", Napi::Function::New(env, openMulticastAt));
  exports.Set("openMulticastEverywhere", Napi::Function::New(env, openMulticastEverywhereHere));
  const auto buffer = std::make_shared<std::vector<uint8_t>>(datagramBytes);
  exports.Set("receive", Napi::Function::New(env, [buffer](const Napi::CallbackInfo& info) {
                return receiveFrom(info, *buffer);
              }));
  exports.Set("poll", Napi::Function::New(env, poll));
}

}  // namespace fairlead
