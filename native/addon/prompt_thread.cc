#include "prompt_thread.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace fairlead {

namespace {

/** Those who want less at a time get it sooner; counts since Linux 6.12 (kernel/sched/fair.c), where 100 us is the least. */
constexpr uint64_t sliceNanoseconds = 100'000;
/** Other threads of the host give way to it for a moment, but get their share. */
constexpr int niceness = -10;

bool set(int nice) {
  sched_attr wanted{};
  wanted.size = sizeof wanted;
  wanted.sched_policy = SCHED_NORMAL;
  wanted.sched_nice = nice;
  wanted.sched_runtime = sliceNanoseconds;
  return syscall(SYS_sched_setattr, 0, &wanted, 0) == 0;
}

}  // namespace

void askForPromptness() {
  // A smaller slice is for everybody, to be nicer to oneself than to others is not (CAP_SYS_NICE).
  if (!set(niceness)) set(0);
}

}  // namespace fairlead
