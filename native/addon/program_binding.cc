#include <fcntl.h>

#include <cstring>
#include <memory>

#include "addon.h"
#include "netlink_threads.h"

namespace fairlead {

namespace {

constexpr size_t wordsPerStep = 4;
static_assert(sizeof(Step) == wordsPerStep * sizeof(uint32_t));

/** submit(namespace fd or -1, steps as words of {verb, place, acks, length}, bytes): promise of the outcome. */
Napi::Value submit(const Napi::CallbackInfo& info, NetlinkThreads& threads) {
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
  return threads.submit(info.Env(), std::move(program));
}

/**
 * A deletion holds its thread for some 20 ms, waiting for callbacks of RCU when the link is gone already (rcu_barrier in
 * netdev_run_todo). Those that wait at the same time wait together, so this many are enough for links that go one by one.
 */
constexpr size_t reaperThreads = 32;

Napi::Function submitter(Napi::Env env, size_t limit) {
  const auto threads = std::make_shared<NetlinkThreads>(env, limit);
  // Hooks run last in, first out: the threads end before what they wake up is taken down.
  env.AddCleanupHook([threads] { threads->stop(); });
  return Napi::Function::New(env, [threads](const Napi::CallbackInfo& info) { return submit(info, *threads); });
}

}  // namespace

void exportPrograms(Napi::Env env, Napi::Object exports) {
  exports.Set("runProgram", submitter(env, 1));
  exports.Set("runReaper", submitter(env, reaperThreads));
}

}  // namespace fairlead
