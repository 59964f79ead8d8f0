#include "prompt_thread.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace fairlead {

namespace {

/** The least there is (kernel/sched/syscalls.c). Counts since Linux 6.12; those who want less at a time get it sooner. */
constexpr uint64_t sliceNanoseconds = 100'000;

}  // namespace

// Not by niceness: a thread that puts everybody else off runs for each datagram as it comes, which takes a third more of a processor
// than to find a few of them at a time, and floods of one sandbox would be at the cost of the others.
void askForPromptness() {
  sched_attr wanted{};
  wanted.size = sizeof wanted;
  wanted.sched_policy = SCHED_NORMAL;
  wanted.sched_nice = getpriority(PRIO_PROCESS, 0);
  wanted.sched_runtime = sliceNanoseconds;
  syscall(SYS_sched_setattr, 0, &wanted, 0);
}

}  // namespace fairlead
