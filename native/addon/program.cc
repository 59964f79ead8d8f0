#include "program.h"

#include <fcntl.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

#include "namespace.h"

namespace fairlead {

namespace {

/** The kernel's dumps come in datagrams of at most 32 KiB; single objects can be larger. */
constexpr size_t datagramBytes = 256 << 10;
constexpr size_t sysctlBytes = 4096;
constexpr size_t netFileBytes = 32 << 10;

Refusal refusalOf(const SystemError& error) { return {error.number, {}, {}}; }

/** `bytes` are a path below /proc/sys, NUL, and the value to write. */
Result<Done> writeSysctl(std::span<const uint8_t> bytes) {
  const char* path = reinterpret_cast<const char*>(bytes.data());
  const size_t pathBytes = strnlen(path, bytes.size());
  if (pathBytes == bytes.size()) return SystemError{EINVAL, "write"};
  const auto value = bytes.subspan(pathBytes + 1);
  const Fd fd(open((std::string("/proc/sys/") + path).c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return lastError("open");
  if (write(fd.get(), value.data(), value.size()) < 0) return lastError("write");
  return Done{};
}

Result<Done> readSysctl(std::span<const uint8_t> bytes, std::vector<uint8_t>& replies) {
  const std::string path("/proc/sys/" + std::string(bytes.begin(), bytes.end()));
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return lastError("open");
  uint8_t value[sysctlBytes];
  const ssize_t length = read(fd.get(), value, sizeof value);
  if (length < 0) return lastError("read");
  replies.insert(replies.end(), value, value + length);
  return Done{};
}

/** /proc/net shows the namespace of the process's first thread, this the calling thread's. */
Result<Done> readNet(std::span<const uint8_t> bytes, std::vector<uint8_t>& replies) {
  const std::string path("/proc/thread-self/net/" + std::string(bytes.begin(), bytes.end()));
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return lastError("open");
  uint8_t part[netFileBytes];
  for (;;) {
    const ssize_t length = read(fd.get(), part, sizeof part);
    if (length < 0) return lastError("read");
    if (length == 0) return Done{};
    replies.insert(replies.end(), part, part + length);
  }
}

}  // namespace

Outcome ProgramRunner::run(Program& program) {
  Outcome outcome;
  outcome.steps.reserve(program.steps.size());
  Run run{program, {}, {}};
  std::span<uint8_t> rest(program.bytes);
  for (const Step& step : program.steps) {
    const auto bytes = rest.first(std::min<size_t>(step.length, rest.size()));
    rest = rest.subspan(bytes.size());
    Reply reply = runStep(run, step, bytes, outcome.replies);
    if (reply.refusal) {
      outcome.refusal = std::move(reply.refusal);
      break;
    }
    outcome.steps.push_back({static_cast<uint32_t>(outcome.replies.size()), reply.interrupted});
  }
  return outcome;
}

Reply ProgramRunner::runStep(Run& run, const Step& step, std::span<uint8_t> bytes, std::vector<uint8_t>& replies) {
  if (step.verb != Verb::request && step.verb != Verb::dump) {
    const Result<Done> done = file(run, step, bytes, replies);
    if (const SystemError* error = errorOf(done)) return {refusalOf(*error)};
    return {};
  }
  const Result<NetlinkSocket*> socket = socketAt(run, step.place);
  if (const SystemError* error = errorOf(socket)) return {refusalOf(*error)};
  // Not written to beforehand: what no datagram has filled yet takes no memory, of which each thread has its own.
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<uint8_t[]>(datagramBytes);
  const std::span<uint8_t> buffer(buffer_.get(), datagramBytes);
  return std::get<NetlinkSocket*>(socket)->exchange({bytes, step.acks, step.verb == Verb::dump}, buffer, replies);
}

Result<NetlinkSocket*> ProgramRunner::socketAt(Run& run, Place place) {
  const bool isHost = place == Place::host || place == Place::netfilter;
  const bool isRoute = place == Place::host || place == Place::nameSpace;
  std::optional<NetlinkSocket>& slot =
      isHost ? (isRoute ? host_ : netfilter_) : (isRoute ? run.socket : run.netfilter);
  if (slot) return &*slot;
  std::optional<NamespaceVisit> visit;
  if (!isHost) {
    if (const auto error = findHome()) return *error;
    visit.emplace(home_.get(), run.program.netns.get());
    if (visit->error()) return *visit->error();
  }
  Result<NetlinkSocket> opened = NetlinkSocket::open(isRoute ? NETLINK_ROUTE : NETLINK_NETFILTER);
  if (const SystemError* error = errorOf(opened)) return *error;
  return &slot.emplace(std::move(std::get<NetlinkSocket>(opened)));
}

Result<Done> ProgramRunner::file(Run& run, const Step& step, std::span<uint8_t> bytes, std::vector<uint8_t>& replies) {
  // /proc/sys/net shows the namespace of the task that opens the file, as do the files of its own net directory.
  std::optional<NamespaceVisit> visit;
  if (step.place == Place::nameSpace) {
    if (const auto error = findHome()) return *error;
    visit.emplace(home_.get(), run.program.netns.get());
    if (visit->error()) return *visit->error();
  }
  if (step.verb == Verb::readNet) return readNet(bytes, replies);
  return step.verb == Verb::writeSysctl ? writeSysctl(bytes) : readSysctl(bytes, replies);
}

std::optional<SystemError> ProgramRunner::findHome() {
  if (home_) return std::nullopt;
  home_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home_) return lastError("open");
  return std::nullopt;
}

}  // namespace fairlead
