#include "net/enter.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include "addon/fd.h"
#include "net/mounts.h"

namespace fairlead {

namespace {

Outcome enterNetwork(const std::string& path) {
  const Fd netns(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return systemFailure("cannot open the network namespace " + path);
  if (setns(netns.get(), CLONE_NEWNET) == 0) return std::nullopt;
  return systemFailure("cannot enter the network namespace " + path);
}

Outcome separateNamespaces(const Plan& plan) {
  const bool mounts = plan.sysfs || !plan.binds.empty();
  const int flags = (mounts ? CLONE_NEWNS : 0) | (plan.hostname ? CLONE_NEWUTS : 0);
  if (flags != 0 && unshare(flags) != 0) return systemFailure("cannot make namespaces for the command");
  return mounts ? separateMounts() : std::nullopt;
}

Outcome arrangeMounts(const Plan& plan) {
  if (plan.sysfs) {
    if (auto failure = renewSysfs()) return failure;
  }
  for (const Bind& bind : plan.binds) {
    if (auto failure = bindFile(bind)) return failure;
  }
  return std::nullopt;
}

Outcome setHostname(const Plan& plan) {
  if (!plan.hostname || sethostname(plan.hostname->data(), plan.hostname->size()) == 0) return std::nullopt;
  return systemFailure("cannot set the host name " + *plan.hostname);
}

/** Groups first: a user other than root may not change them. */
Outcome changeUser(const Plan& plan) {
  if ((plan.uid || plan.gid) && setgroups(plan.groups.size(), plan.groups.data()) != 0) {
    return systemFailure("cannot set the supplementary groups");
  }
  if (plan.gid && setresgid(*plan.gid, *plan.gid, *plan.gid) != 0) {
    return systemFailure("cannot change to group " + std::to_string(*plan.gid));
  }
  if (plan.uid && setresuid(*plan.uid, *plan.uid, *plan.uid) != 0) {
    return systemFailure("cannot change to user " + std::to_string(*plan.uid));
  }
  return std::nullopt;
}

/** As the command's user, because that is who must be allowed to be there. */
Outcome changeDirectory(const Plan& plan) {
  if (chdir(plan.directory.c_str()) == 0) return std::nullopt;
  return systemFailure("cannot change to directory " + plan.directory);
}

Outcome setEnvironment(const Plan& plan) {
  for (const std::string& variable : plan.environment) {
    if (putenv(const_cast<char*>(variable.c_str())) != 0) return systemFailure("cannot set the environment");
  }
  return std::nullopt;
}

}  // namespace

Outcome enter(const Plan& plan) {
  if (plan.netns) {
    if (auto failure = enterNetwork(*plan.netns)) return failure;
  }
  for (const auto step : {separateNamespaces, arrangeMounts, setHostname, changeUser, changeDirectory, setEnvironment}) {
    if (auto failure = step(plan)) return failure;
  }
  return std::nullopt;
}

Failure execute(const Plan& plan) {
  std::vector<char*> command;
  for (const std::string& argument : plan.command) command.push_back(const_cast<char*>(argument.c_str()));
  command.push_back(nullptr);
  execvp(command[0], command.data());
  const int status = errno == ENOENT ? notFoundStatus : notExecutableStatus;
  return {status, "cannot execute " + plan.command[0] + ": " + std::strerror(errno)};
}

}  // namespace fairlead
