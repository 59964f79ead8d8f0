// How system calls that failed are handed on, and the one place where they become JavaScript errors.
#pragma once

#include <napi.h>

#include <cerrno>
#include <variant>

namespace fairlead {

struct SystemError {
  int number;
  /** Name of the call that failed. */
  const char* call;
};

inline SystemError lastError(const char* call) { return {errno, call}; }

template <typename T>
using Result = std::variant<T, SystemError>;

/** A result of calls that return nothing. */
using Done = std::monostate;

template <typename T>
const SystemError* errorOf(const Result<T>& result) {
  return std::get_if<SystemError>(&result);
}

/** An error shaped like those of node:fs: `code`, negative `errno`, `syscall`. */
Napi::Error toError(Napi::Env env, const SystemError& error);

}  // namespace fairlead
