#include "namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

namespace fairlead {

namespace {

constexpr char ownNamespacePath[] = "/proc/thread-self/ns/net";

Result<Done> writeFile(const char* path, const char* value) {
  const Fd fd(open(path, O_WRONLY | O_CLOEXEC));
  if (!fd) return lastError("open");
  if (write(fd.get(), value, std::strlen(value)) < 0) return lastError("write");
  return Done{};
}

Result<Done> bringLoopbackUp() {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return lastError("socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return lastError("ioctl");
  return Done{};
}

/**
 * Makes the directory a mount point of its own that is shared, as ip-netns(8) does: only so does a later unmount reach
 * the copies other mount namespaces got, which would keep the namespace alive.
 */
Result<Done> shareDirectory(const std::string& directory) {
  const Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return lastError("open");
  // Two at once would stack two mounts. The lock goes with the descriptor.
  if (flock(fd.get(), LOCK_EX) != 0) return lastError("flock");
  const char* path = directory.c_str();
  // Not MS_REC: what is mounted on a shared mount is shared anyway, and there may be thousands.
  if (mount(nullptr, path, nullptr, MS_SHARED, nullptr) == 0) return Done{};
  if (errno != EINVAL) return lastError("mount");
  if (mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0) return lastError("mount");
  if (mount(nullptr, path, nullptr, MS_SHARED, nullptr) != 0) return lastError("mount");
  return Done{};
}

Result<Done> configure(bool disableIpv6) {
  if (disableIpv6) {
    Result<Done> written = writeFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    const SystemError* error = errorOf(written);
    if (error != nullptr && error->number != ENOENT) return written;  // ENOENT: a kernel without IPv6
  }
  return bringLoopbackUp();
}

Result<NamespaceIdentity> pinOwnNamespace(const std::string& path) {
  struct stat status;
  if (stat(ownNamespacePath, &status) != 0) return lastError("stat");
  const Fd file(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file) return lastError("open");
  if (mount(ownNamespacePath, path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    const SystemError error = lastError("mount");
    unlink(path.c_str());
    return error;
  }
  return NamespaceIdentity{status.st_dev, status.st_ino};
}

}  // namespace

Result<Namespace> openNamespace(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return lastError("open");
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return SystemError{EINVAL, "ioctl"};
  struct stat status;
  if (fstat(fd.get(), &status) != 0) return lastError("fstat");
  return Namespace{std::move(fd), status.st_dev, status.st_ino};
}

Result<NamespaceIdentity> socketNamespace(int socket) {
  const Fd fd(ioctl(socket, SIOCGSKNS));
  if (!fd) return lastError("ioctl");
  struct stat status;
  if (fstat(fd.get(), &status) != 0) return lastError("fstat");
  return NamespaceIdentity{status.st_dev, status.st_ino};
}

Result<NamespaceIdentity> createPinnedNamespace(const std::string& path, bool disableIpv6) {
  const Result<Done> shared = shareDirectory(path.substr(0, path.rfind('/')));
  if (const SystemError* error = errorOf(shared)) return *error;
  Result<NamespaceIdentity> result = SystemError{0, ""};
  Result<Thread> thread = Thread::start([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      result = lastError("unshare");
      return;
    }
    const Result<Done> configured = configure(disableIpv6);
    const SystemError* error = errorOf(configured);
    result = error == nullptr ? pinOwnNamespace(path) : Result<NamespaceIdentity>(*error);
  });
  if (const SystemError* error = errorOf(thread)) return *error;
  std::get<Thread>(thread).join();
  return result;
}

Result<Done> unpinNamespace(const std::string& path) {
  // EINVAL: the file is there, but nothing is mounted on it.
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
    return lastError("umount2");
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return lastError("unlink");
  return Done{};
}

NamespaceVisit::NamespaceVisit(int home, int target) : home_(home) {
  if (setns(target, CLONE_NEWNET) != 0) error_ = lastError("setns");
}

NamespaceVisit::~NamespaceVisit() {
  if (error_) return;
  // A thread that cannot leave would configure the wrong namespace from here on.
  if (setns(home_, CLONE_NEWNET) != 0) std::abort();
}

}  // namespace fairlead
