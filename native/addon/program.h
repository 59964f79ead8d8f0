// Programs: lists of kernel requests that run one after the other and stop at the first that fails.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fd.h"
#include "netlink_socket.h"

namespace fairlead {

enum class Verb : uint32_t { request, dump, writeSysctl, readSysctl, readNet };

/** Sockets of rtnetlink in the host's namespace and the program's, and of netfilter in either. */
enum class Place : uint32_t { host, nameSpace, netfilter, nameSpaceNetfilter };

struct Step {
  Verb verb;
  Place place;
  uint32_t acks;
  /** How many of the program's bytes are this step's: messages, `path NUL value` of a sysctl, or the path of a file. */
  uint32_t length;
};

struct Program {
  std::vector<Step> steps;
  std::vector<uint8_t> bytes;
  /** The namespace meant by Place::nameSpace, if any. */
  Fd netns;
};

struct StepOutcome {
  /** Where this step's replies end in `Outcome::replies`. */
  uint32_t end;
  uint32_t interrupted;
};

struct Outcome {
  std::optional<Refusal> refusal;
  /** One for each step that succeeded. */
  std::vector<StepOutcome> steps;
  std::vector<uint8_t> replies;
};

/** Runs programs on the thread that made it, with sockets it keeps. */
class ProgramRunner {
 public:
  Outcome run(Program& program);

 private:
  /** The sockets for requests to the program's namespace, opened at their first use and closed at the program's end. */
  struct Run {
    const Program& program;
    std::optional<NetlinkSocket> socket;
    std::optional<NetlinkSocket> netfilter;
  };

  Reply runStep(Run& run, const Step& step, std::span<uint8_t> bytes, std::vector<uint8_t>& replies);
  Result<NetlinkSocket*> socketAt(Run& run, Place place);
  /** Reads or writes a file that shows the namespace of the task that opens it. */
  Result<Done> file(Run& run, const Step& step, std::span<uint8_t> bytes, std::vector<uint8_t>& replies);
  std::optional<SystemError> findHome();

  Fd home_;
  std::optional<NetlinkSocket> host_;
  /** Never closed: the ownership of our nftables table (NFT_TABLE_F_OWNER) ends with the socket that made it. */
  std::optional<NetlinkSocket> netfilter_;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace fairlead
