// `net`: performs `run` and `exec` itself, has `connect` and `disconnect` performed by netd, all without starting Node, and hands
// every other verb to the CLI.
#include <stdio.h>

#include "net/ask.h"
#include "net/cli.h"
#include "net/command_line.h"
#include "net/detach.h"
#include "net/enter.h"
#include "net/message.h"
#include "net/signals.h"

namespace fairlead {

namespace {

int fail(const Failure& failure) {
  printMessage(failure.message);
  return failure.status;
}

/** The command takes this process's place: its pid, terminal, signals and exit status are the caller's own. */
int runInPlace(const Plan& plan) {
  // What is ignored stays ignored, as under nohup(1); what is blocked is an accident of whoever started us.
  unblockSignals();
  if (const auto failure = enter(plan)) return fail(*failure);
  return fail(execute(plan));
}

int runDetached(const Plan& plan, const std::string& socketPath) {
  const Failure outcome = detach(plan, socketPath);
  if (outcome.status != 0) return fail(outcome);
  puts(plan.id.c_str());
  return 0;
}

int print(const Text& text) {
  fwrite(text.content.data(), 1, text.content.size(), stdout);
  return 0;
}

int performRemotely(const RemoteCommand& command) {
  const auto answer = carryOut(command);
  if (const auto* failure = std::get_if<Failure>(&answer)) return fail(*failure);
  return print(*std::get_if<Text>(&answer));
}

int launch(const LaunchCommand& command) {
  const auto answer = askForPlan(command);
  if (const auto* failure = std::get_if<Failure>(&answer)) return fail(*failure);
  if (const auto* text = std::get_if<Text>(&answer)) return print(*text);
  const Plan& plan = *std::get_if<Plan>(&answer);
  return plan.detach ? runDetached(plan, command.socketPath) : runInPlace(plan);
}

int main(std::span<char* const> arguments) {
  const auto command = parseCommandLine(arguments);
  if (const auto* failure = std::get_if<Failure>(&command)) return fail(*failure);
  if (const auto* verb = std::get_if<LaunchCommand>(&command)) return launch(*verb);
  if (const auto* verb = std::get_if<RemoteCommand>(&command)) return performRemotely(*verb);
  return fail(becomeCli(arguments));
}

}  // namespace

}  // namespace fairlead

int main(int count, char* arguments[]) {
  const size_t own = count > 0 ? 1 : 0;  // the program's name
  return fairlead::main(std::span<char* const>(arguments, static_cast<size_t>(count)).subspan(own));
}
