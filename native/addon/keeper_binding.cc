#include <fcntl.h>

#include <memory>

#include "addon.h"
#include "keeper_client.h"
#include "task.h"

namespace fairlead {

namespace {

Napi::Value toNumber(Napi::Env env, Fd&& fd) { return Napi::Number::New(env, fd.release()); }

Napi::Value toConnection(Napi::Env env, KeeperConnection&& connection) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("fd", toNumber(env, std::move(connection.fd)));
  value.Set("pid", static_cast<double>(connection.pid));
  return value;
}

/** An array of `{ kind, key, fds }`. */
Napi::Value toAnswers(Napi::Env env, std::vector<Message>&& messages) {
  Napi::Array answers = Napi::Array::New(env, messages.size());
  for (size_t i = 0; i < messages.size(); i++) {
    Napi::Array fds = Napi::Array::New(env, messages[i].fds.size());
    for (size_t j = 0; j < messages[i].fds.size(); j++) fds[j] = toNumber(env, std::move(messages[i].fds[j]));
    Napi::Object answer = Napi::Object::New(env);
    answer.Set("kind", std::string(1, messages[i].kind));
    answer.Set("key", messages[i].key);
    answer.Set("fds", fds);
    answers[i] = answer;
  }
  return answers;
}

/** startKeeper(executable, path, wait in ms): a connection to it. */
Napi::Value start(const Napi::CallbackInfo& info) {
  const std::function<Result<Fd>()> work = [executable = textAt(info, 0), path = textAt(info, 1),
                                            waitMs = integerAt(info, 2)] {
    return startKeeper(executable, path, waitMs);
  };
  return Task<Fd>::run(info.Env(), work, toNumber);
}

/** connectKeeper(path): `{ fd, pid }` */
Napi::Value connect(const Napi::CallbackInfo& info) {
  const std::function<Result<KeeperConnection>()> work = [path = textAt(info, 0)] { return connectKeeper(path); };
  return Task<KeeperConnection>::run(info.Env(), work, toConnection);
}

/** askKeeper(connection, kind, key, descriptors, timeout in ms). The descriptors may be closed as soon as this has returned. */
Napi::Value ask(const Napi::CallbackInfo& info) {
  const auto numbers = info[3].As<Napi::Int32Array>();
  const auto fds = std::make_shared<std::vector<Fd>>();
  for (size_t i = 0; i < numbers.ElementLength(); i++) fds->emplace_back(fcntl(numbers[i], F_DUPFD_CLOEXEC, 0));
  const auto connection = std::make_shared<Fd>(fcntl(integerAt(info, 0), F_DUPFD_CLOEXEC, 0));
  const std::function<Result<std::vector<Message>>()> work = [connection, fds, kind = textAt(info, 1),
                                                              key = textAt(info, 2), timeoutMs = integerAt(info, 4)] {
    Result<std::vector<Message>> answers = askKeeper(connection->get(), kind[0], key, *fds, timeoutMs);
    // Duplicates would keep what the keeper was to keep alone.
    fds->clear();
    return answers;
  };
  return Task<std::vector<Message>>::run(info.Env(), work, toAnswers);
}

}  // namespace

void exportKeeper(Napi::Env env, Napi::Object exports) {
  exports.Set("askKeeper", Napi::Function::New(env, ask));
  exports.Set("connectKeeper", Napi::Function::New(env, connect));
  exports.Set("startKeeper", Napi::Function::New(env, start));
}

}  // namespace fairlead
