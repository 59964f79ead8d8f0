// Network namespaces: entering, making, pinning and telling them apart.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "error.h"
#include "fd.h"
#include "thread.h"

namespace fairlead {

struct Namespace {
  Fd fd;
  dev_t device;
  ino_t inode;
};

struct NamespaceIdentity {
  dev_t device;
  ino_t inode;
};

/** Opens a network namespace by path. EINVAL when the path is something else. */
Result<Namespace> openNamespace(const std::string& path);

/** That which a socket is in, wherever its holder is. EPERM without CAP_NET_ADMIN there. */
Result<NamespaceIdentity> socketNamespace(int socket);

/**
 * Makes a network namespace with loopback up and binds it to `path`, a file that must not exist yet, below an existing
 * directory. Nothing remains after a failure.
 */
Result<NamespaceIdentity> createPinnedNamespace(const std::string& path, bool disableIpv6);

/** Undoes the pin; an absent one is fine. The namespace lives on while anything uses it. */
Result<Done> unpinNamespace(const std::string& path);

/** A visit of the calling thread to another namespace; it is back home when this ends. Never on the main thread. */
class NamespaceVisit {
 public:
  NamespaceVisit(int home, int target);
  NamespaceVisit(const NamespaceVisit&) = delete;
  NamespaceVisit& operator=(const NamespaceVisit&) = delete;
  ~NamespaceVisit();

  const std::optional<SystemError>& error() const { return error_; }

 private:
  int home_;
  std::optional<SystemError> error_;
};

/** Runs `work` on a throw-away thread that has entered the namespace. */
template <typename T>
Result<T> inNamespace(int target, const std::function<Result<T>()>& work) {
  Result<T> result = SystemError{0, ""};
  Result<Thread> thread = Thread::start([&] {
    result = setns(target, CLONE_NEWNET) == 0 ? work() : Result<T>(lastError("setns"));
  });
  if (const SystemError* error = errorOf(thread)) return *error;
  std::get<Thread>(thread).join();
  return result;
}

}  // namespace fairlead
