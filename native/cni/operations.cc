#include "cni/operations.h"

#include <chrono>
#include <optional>
#include <variant>

#include "cni/body.h"
#include "cni/delegate.h"
#include "cni/tombstone.h"
#include "http/json_value.h"
#include "http/unix_client.h"

namespace fairlead {

namespace {

/** Whether there is a document of the kind that belongs to a status. */
bool isUsable(const Call& call, const Response& response) {
  if (response.status == 200 && response.body.empty()) return call.request.operation != Operation::add;
  const auto parsed = JsonValue::parse(response.body);
  const auto* document = std::get_if<JsonValue>(&parsed);
  if (document == nullptr || !document->isObject()) return false;
  if (response.status == 200) return true;
  const auto code = document->member("code");
  return code && code->isNumber();
}

Reply replyOf(const Call& call, const Response& response) {
  if (isUsable(call, response)) return {response.status == 200 ? 0 : 1, response.body};
  const std::string subject = "netd at " + call.configuration.socketPath;
  const std::string event = " answered " + std::to_string(response.status) + " with what is no CNI document";
  return refuseCall(call, {Code::internal, subject + event, response.body.substr(0, maxExcerptBytes)});
}

std::variant<Reply, HttpError> ask(const Call& call, const std::string& body) {
  auto answer = exchange(call.configuration.socketPath, {.path = "/fairlead/v1/cni", .body = body});
  if (auto* error = std::get_if<HttpError>(&answer)) return std::move(*error);
  return replyOf(call, *std::get_if<Response>(&answer));
}

/** Names the socket and the limit, where the message does not. */
std::string describe(const Call& call, const HttpError& error) {
  if (error.fault == HttpFault::away) return error.message;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Limits{}.time).count();
  const std::string limit = ", for at most " + std::to_string(seconds) + " s)";
  return error.message + " (asked at unix://" + call.configuration.socketPath + limit;
}

/** For the operations that cannot do without netd. */
Reply askOrRefuse(const Call& call, const std::optional<std::string>& ipam = std::nullopt) {
  const std::string body = renderBody(call, ipam);
  auto answer = ask(call, body);
  if (auto* reply = std::get_if<Reply>(&answer)) return std::move(*reply);
  const Code code = call.request.operation == Operation::status ? Code::unavailable : Code::tryAgain;
  return refuseCall(call, {code, describe(call, *std::get_if<HttpError>(&answer))});
}

/** The plugin's part, after netd has done its own: what the plugin prints matters only when it fails. */
Reply thenPlugin(const Call& call, Reply reply) {
  if (reply.status != 0 || !isDelegated(call)) return reply;
  Reply plugin = delegate(call, call.request.operation);
  return plugin.status == 0 ? reply : plugin;
}

Reply add(const Call& call) {
  const bool delegated = isDelegated(call);
  Reply reply;
  if (delegated) reply = delegate(call, Operation::add);
  if (reply.status == 0) {
    const std::optional<std::string> ipam = delegated ? std::optional(reply.document) : std::nullopt;
    reply = askOrRefuse(call, ipam);
  }
  // The specification asks for it, whichever of the two failed.
  if (reply.status != 0 && delegated) delegate(call, Operation::del);
  // Left by a deletion that netd did not answer in time: it was about an earlier attachment.
  if (reply.status == 0) Tombstone(call).remove();
  return reply;
}

Reply check(const Call& call) {
  if (isDelegated(call)) {
    Reply reply = delegate(call, Operation::check);
    if (reply.status != 0) return reply;
  }
  return askOrRefuse(call);
}

/** Runtimes repeat a deletion for as long as it fails, so it does not fail for want of netd. */
Reply deleteLater(const Call& call, const std::string& body, const Tombstone& tombstone, HttpFault fault) {
  if (isLoopback(call)) return {};  // goes with its namespace: nothing to be done
  if (const auto error = tombstone.write(body)) return refuseCall(call, *error);
  if (fault == HttpFault::late) return {};
  // Netd may have started, and looked for tombstones, just before there was this one.
  auto answer = ask(call, body);
  auto* reply = std::get_if<Reply>(&answer);
  if (reply == nullptr) return {};
  tombstone.remove();
  return std::move(*reply);
}

Reply deleteAtNetd(const Call& call) {
  const std::string body = renderBody(call);
  const Tombstone tombstone(call);
  auto answer = ask(call, body);
  if (const auto* error = std::get_if<HttpError>(&answer)) return deleteLater(call, body, tombstone, error->fault);
  Reply& reply = *std::get_if<Reply>(&answer);
  if (reply.status == 0) tombstone.remove();
  return std::move(reply);
}

}  // namespace

Reply perform(const Call& call) {
  switch (call.request.operation) {
    case Operation::add:
      return add(call);
    case Operation::check:
      return check(call);
    case Operation::del:
      return thenPlugin(call, deleteAtNetd(call));
    default:
      return thenPlugin(call, askOrRefuse(call));
  }
}

}  // namespace fairlead
