#include "net/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "addon/fd.h"

namespace fairlead {

namespace {

/** Folders the kernel keeps in sysfs for other file systems (`sysfs_create_mount_point` in its sources). */
constexpr const char* placesForMounts[] = {
    "fs/cgroup",      "fs/bpf",         "fs/fuse/connections", "fs/pstore",       "fs/resctrl",
    "fs/selinux",     "fs/smackfs",     "kernel/config",       "kernel/debug",    "kernel/security",
    "kernel/tracing", "firmware/efi/efivars"};

/** Makes an empty file, at the end of the link if `path` is one; false when that is impossible. */
bool createFile(const char* path) {
  return static_cast<bool>(Fd(open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644)));
}

/** Binds what is mounted below the old /sys, which must be the working directory, to the same place below the new. */
Outcome keepMountsBelow(dev_t oldSysfs) {
  for (const char* place : placesForMounts) {
    struct stat status;
    if (stat(place, &status) != 0 || status.st_dev == oldSysfs) continue;
    const std::string target = std::string("/sys/") + place;
    if (mount(place, target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
      return systemFailure("cannot keep the mount on " + target);
    }
  }
  return std::nullopt;
}

}  // namespace

Outcome separateMounts() {
  // Slave, not private: what the host unmounts later, such as another sandbox's namespace, goes away here too.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0) return std::nullopt;
  return systemFailure("cannot keep mounts apart from the host's");
}

Outcome renewSysfs() {
  const Fd old(open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statvfs options;
  struct stat status;
  if (!old || fstatvfs(old.get(), &options) != 0 || fstat(old.get(), &status) != 0) return systemFailure("cannot open /sys");
  const unsigned long readOnly = (options.f_flag & ST_RDONLY) != 0 ? MS_RDONLY : 0;
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | readOnly, nullptr) != 0) {
    // A user namespace may not mount sysfs where part of it is hidden: the old one is better than no process.
    return errno == EPERM ? std::nullopt : Outcome(systemFailure("cannot mount /sys"));
  }
  if (fchdir(old.get()) != 0) return systemFailure("cannot enter the old /sys");
  return keepMountsBelow(status.st_dev);
}

Outcome bindFile(const Bind& bind) {
  const char* const target = bind.target.c_str();
  if (access(bind.source.c_str(), F_OK) != 0) return systemFailure("cannot use " + bind.source);
  if (access(target, F_OK) != 0 && !createFile(target)) return std::nullopt;
  if (mount(bind.source.c_str(), target, nullptr, MS_BIND, nullptr) == 0) return std::nullopt;
  return systemFailure("cannot bind " + bind.source + " over " + bind.target);
}

}  // namespace fairlead
