#include "error.h"

#include <uv.h>

#include <string>

namespace fairlead {

Napi::Error toError(Napi::Env env, const SystemError& error) {
  const int number = uv_translate_sys_error(error.number);
  const std::string code = uv_err_name(number);
  Napi::Error result = Napi::Error::New(env, code + ": " + uv_strerror(number) + ", " + error.call);
  result.Set("code", code);
  result.Set("errno", static_cast<double>(number));
  result.Set("syscall", error.call);
  return result;
}

}  // namespace fairlead
