// What a runtime asks for, as it says in the environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cni/reply.h"

namespace fairlead {

/** Everything but VERSION, for which nothing else need be known. */
enum class Operation { add, del, check, gc, status };

/** The value of CNI_COMMAND. */
std::string_view nameOf(Operation operation);

struct Request {
  Operation operation;
  /** The name this program was started under. */
  std::string program;
  /** Empty for GC and STATUS, as is `ifname`. */
  std::string containerId;
  std::string ifname;
  /** CNI_PATH: folders, separated by colons. */
  std::string searchPath;
};

/** Checks all of it. `command` is the value of CNI_COMMAND. */
std::variant<Request, CniError> readRequest(std::string_view command, std::string_view program);

}  // namespace fairlead
