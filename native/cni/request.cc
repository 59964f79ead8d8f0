#include "cni/request.h"

#include <algorithm>
#include <cstdlib>
#include <span>

#include "cni/words.h"

namespace fairlead {

namespace {

constexpr size_t maxIfnameBytes = 15;  // IFNAMSIZ without the final NUL

constexpr const char* attachmentVariables[] = {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"};
/** A namespace may be gone by the time it is left. */
constexpr const char* deletionVariables[] = {"CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"};
constexpr const char* networkVariables[] = {"CNI_PATH"};

struct Kind {
  Operation operation;
  std::string_view name;
  std::span<const char* const> required;
};

constexpr Kind kinds[] = {
    {Operation::add, "ADD", attachmentVariables}, {Operation::del, "DEL", deletionVariables},
    {Operation::check, "CHECK", attachmentVariables}, {Operation::gc, "GC", networkVariables},
    {Operation::status, "STATUS", networkVariables},
};

std::string valueOf(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

std::string listMissing(std::span<const char* const> variables) {
  std::string missing;
  for (const char* variable : variables) {
    if (!valueOf(variable).empty()) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(variable);
  }
  return missing;
}

/** What is wrong with the name of an interface; empty when nothing is. */
std::string faultOfIfname(std::string_view ifname) {
  if (ifname.size() > maxIfnameBytes) {
    return "is longer than " + std::to_string(maxIfnameBytes) + " bytes";
  }
  if (ifname == "." || ifname == "..") return "is not a name";
  const size_t bad = ifname.find_first_of("/: \t\n\v\f\r");
  return bad == std::string_view::npos ? "" : "contains a slash, a colon or white space";
}

std::optional<CniError> checkAttachment(const Request& request) {
  if (!isPlainWord(request.containerId)) {
    return CniError{Code::environment,
                    "CNI_CONTAINERID " + request.containerId + " is not of the form " + plainWordForm};
  }
  const std::string fault = faultOfIfname(request.ifname);
  if (fault.empty()) return std::nullopt;
  return CniError{Code::environment, "CNI_IFNAME " + request.ifname + " " + fault};
}

}  // namespace

std::string_view nameOf(Operation operation) {
  return std::ranges::find(kinds, operation, &Kind::operation)->name;
}

std::variant<Request, CniError> readRequest(std::string_view command, std::string_view program) {
  const auto* const kind = std::ranges::find(kinds, command, &Kind::name);
  if (kind == std::end(kinds)) {
    return CniError{Code::environment, "CNI_COMMAND " + std::string(command) +
                                           " is unknown (known: ADD, DEL, CHECK, GC, STATUS, VERSION)"};
  }
  const std::string missing = listMissing(kind->required);
  if (!missing.empty()) {
    return CniError{Code::environment, std::string(command) + " lacks environment variables: " + missing};
  }
  Request request{.operation = kind->operation,
                  .program = std::string(program),
                  .containerId = {},
                  .ifname = {},
                  .searchPath = valueOf("CNI_PATH")};
  if (kind->required.size() == std::size(networkVariables)) return request;
  request.containerId = valueOf("CNI_CONTAINERID");
  request.ifname = valueOf("CNI_IFNAME");
  if (auto error = checkAttachment(request)) return std::move(*error);
  return request;
}

}  // namespace fairlead
