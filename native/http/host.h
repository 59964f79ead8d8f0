// Where netd is to be found, in the words users have for it.
#pragma once

#include <optional>
#include <string_view>

namespace fairlead {

/** FAIRLEAD_HOST or, when it is unset or empty, where netd listens unless told otherwise. */
std::string_view hostOfEnvironment();

/** PATH of `unix:///PATH`; nothing when the host is of another form. */
std::optional<std::string_view> socketPathOf(std::string_view host);

}  // namespace fairlead
