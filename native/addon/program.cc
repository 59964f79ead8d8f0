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

}  // namespace

Outcome ProgramRunner::run(Program& program) {
  Outcome outcome;
  outcome.steps.reserve(program.steps.size());
  Run run{program, {}};
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
  if (step.verb == Verb::writeSysctl || step.verb == Verb::readSysctl) {
    const Result<Done> done = sysctl(run, step, bytes, replies);
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
  std::optional<NetlinkSocket>& slot =
      place == Place::host ? host_ : place == Place::netfilter ? netfilter_ : run.socket;
  if (slot) return &*slot;
  std::optional<NamespaceVisit> visit;
  if (place == Place::nameSpace) {
    if (const auto error = findHome()) return *error;
    visit.emplace(home_.get(), run.program.netns.get());
    if (visit->error()) return *visit->error();
  }
  Result<NetlinkSocket> opened = NetlinkSocket::open(place == Place::netfilter ? NETLINK_NETFILTER : NETLINK_ROUTE);
  if (const SystemError* error = errorOf(opened)) return *error;
  return &slot.emplace(std::move(std::get<NetlinkSocket>(opened)));
}

Result<Done> ProgramRunner::sysctl(Run& run, const Step& step, std::span<uint8_t> bytes,
                                   std::vector<uint8_t>& replies) {
  // /proc/sys/net shows the namespace of the task that opens the file.
  std::optional<NamespaceVisit> visit;
  if (step.place == Place::nameSpace) {
    if (const auto error = findHome()) return *error;
    visit.emplace(home_.get(), run.program.netns.get());
    if (visit->error()) return *visit->error();
  }
  return step.verb == Verb::writeSysctl ? writeSysctl(bytes) : readSysctl(bytes, replies);
}

std::optional<SystemError> ProgramRunner::findHome() {
  if (home_) return std::nullopt;
  home_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home_) return lastError("open");
  return std::nullopt;
}

}  // namespace fairlead
