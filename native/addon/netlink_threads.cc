#include "netlink_threads.h"

namespace fairlead {

namespace {

Napi::Value toValue(Napi::Env env, size_t step, const Refusal& refusal) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("step", Napi::Number::New(env, static_cast<double>(step)));
  value.Set("errno", Napi::Number::New(env, refusal.number));
  if (!refusal.message.empty()) value.Set("extendedAck", refusal.message);
  if (refusal.offset) value.Set("offset", Napi::Number::New(env, *refusal.offset));
  return value;
}

/** `undefined` if nothing but acknowledgements came, else `{replies, ends}` with pairs of end and interrupted. */
Napi::Value toValue(Napi::Env env, const Outcome& outcome) {
  if (outcome.refusal) return toValue(env, outcome.steps.size(), *outcome.refusal);
  bool interrupted = false;
  for (const StepOutcome& step : outcome.steps) interrupted = interrupted || step.interrupted;
  if (outcome.replies.empty() && !interrupted) return env.Undefined();
  Napi::Uint32Array ends = Napi::Uint32Array::New(env, outcome.steps.size() * 2);
  if (ends.IsEmpty()) return env.Undefined();  // the environment is being taken down and makes no arrays
  for (size_t i = 0; i < outcome.steps.size(); i++) {
    ends[i * 2] = outcome.steps[i].end;
    ends[i * 2 + 1] = outcome.steps[i].interrupted;
  }
  Napi::Object value = Napi::Object::New(env);
  value.Set("replies", Napi::Buffer<uint8_t>::Copy(env, outcome.replies.data(), outcome.replies.size()));
  value.Set("ends", ends);
  return value;
}

}  // namespace

NetlinkThreads::NetlinkThreads(Napi::Env env, size_t limit)
    : wake_(Wake::New(env, "fairlead netlink", 0, 1, this)), limit_(limit) {
  wake_.Unref(env);
}

void NetlinkThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (Thread& thread : threads_) thread.join();
}

Napi::Promise NetlinkThreads::submit(Napi::Env env, Program program) {
  auto job = std::make_unique<Job>(env, std::move(program));
  const Napi::Promise promise = job->deferred.Promise();
  if (const auto error = startThread()) {
    job->deferred.Reject(toError(env, *error).Value());
    return promise;
  }
  if (pending_++ == 0) wake_.Ref(env);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return promise;
}

/** For a program about to be submitted, if no thread is free for it. Failing to is an error only without any thread. */
std::optional<SystemError> NetlinkThreads::startThread() {
  if (threads_.size() == limit_) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    if (idle_ > waiting_.size()) return std::nullopt;
  }
  Result<Thread> started = Thread::start([this] { loop(); });
  if (const SystemError* error = errorOf(started)) {
    return threads_.empty() ? std::optional(*error) : std::nullopt;
  }
  threads_.push_back(std::move(std::get<Thread>(started)));
  return std::nullopt;
}

void NetlinkThreads::loop() {
  ProgramRunner runner;
  while (std::unique_ptr<Job> job = next()) {
    job->outcome = runner.run(job->program);
    finish(std::move(job));
  }
}

std::unique_ptr<NetlinkThreads::Job> NetlinkThreads::next() {
  std::unique_lock lock(mutex_);
  idle_++;
  changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  idle_--;
  if (stopping_) return nullptr;
  std::unique_ptr<Job> job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void NetlinkThreads::finish(std::unique_ptr<Job> job) {
  job->program.netns.close();
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = finished_.empty();
    finished_.push_back(std::move(job));
  }
  if (first) wake_.NonBlockingCall();  // one wake-up for all that finish until the event loop comes round
}

void NetlinkThreads::settle(Napi::Env env, Napi::Function, NetlinkThreads* self, void*) {
  if (env != nullptr) self->settleAll(env);
}

void NetlinkThreads::settleAll(Napi::Env env) {
  Jobs jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(finished_);
  }
  for (const std::unique_ptr<Job>& job : jobs) job->deferred.Resolve(toValue(env, job->outcome));
  pending_ -= jobs.size();
  if (pending_ == 0) wake_.Unref(env);
}

}  // namespace fairlead
