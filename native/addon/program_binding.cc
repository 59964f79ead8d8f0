#include <fcntl.h>

#include <cstring>
#include <memory>

#include "addon.h"
#include "netlink_thread.h"

namespace fairlead {

namespace {

constexpr size_t wordsPerStep = 4;
static_assert(sizeof(Step) == wordsPerStep * sizeof(uint32_t));

/** submit(namespace fd or -1, steps as words of {verb, place, acks, length}, bytes): promise of the outcome. */
Napi::Value submit(const Napi::CallbackInfo& info, NetlinkThread& thread) {
  const int netns = integerAt(info, 0);
  const auto words = info[1].As<Napi::Uint32Array>();
  const auto bytes = info[2].As<Napi::Uint8Array>();

  Program program;
  // The caller may close its descriptor before the program runs.
  if (netns >= 0) program.netns = Fd(fcntl(netns, F_DUPFD_CLOEXEC, 0));
  program.steps.resize(words.ElementLength() / wordsPerStep);
  if (!program.steps.empty()) {
    std::memcpy(program.steps.data(), words.Data(), program.steps.size() * sizeof(Step));
  }
  program.bytes.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  return thread.submit(info.Env(), std::move(program));
}

Napi::Function submitter(Napi::Env env) {
  const auto thread = std::make_shared<NetlinkThread>(env);
  // Hooks run last in, first out: the thread ends before what it wakes up is taken down.
  env.AddCleanupHook([thread] { thread->stop(); });
  return Napi::Function::New(env, [thread](const Napi::CallbackInfo& info) { return submit(info, *thread); });
}

}  // namespace

void exportPrograms(Napi::Env env, Napi::Object exports) {
  exports.Set("runProgram", submitter(env));
  exports.Set("runReaper", submitter(env));
}

}  // namespace fairlead
