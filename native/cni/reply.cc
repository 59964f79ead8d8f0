#include "cni/reply.h"

#include "http/json_text.h"

namespace fairlead {

Reply refuse(const CniError& error, std::string_view cniVersion) {
  const std::string_view version = isSupported(cniVersion) ? cniVersion : newestVersion;
  std::string document = "{\"cniVersion\":\"" + std::string(version) +
                         "\",\"code\":" + std::to_string(static_cast<int>(error.code)) +
                         ",\"msg\":" + quoteJsonLossily(error.message);
  if (!error.details.empty()) document += ",\"details\":" + quoteJsonLossily(error.details);
  return {1, document + "}"};
}

}  // namespace fairlead
