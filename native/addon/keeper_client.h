// netd's side of the keeper (native/keeper): starting it, reaching one that is there, and asking it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "error.h"
#include "fd.h"
#include "../keeper/message.h"

namespace fairlead {

/**
 * Starts the executable, in a session of its own and with nothing of ours but a connection, which is returned. It ends by itself
 * when nobody was connected for `waitMs`. Waits until it has detached itself.
 */
Result<Fd> startKeeper(const std::string& executable, const std::string& path, int waitMs);

struct KeeperConnection {
  Fd fd;
  /** Of who listens there; 0 when that is not to be seen from here. */
  pid_t pid;
};

/** Errors: those of connect(2); `EPERM` when it is another user's. */
Result<KeeperConnection> connectKeeper(const std::string& path);

/** Everything it answers, the last of which is `done` or `failed`. Errors: `ETIMEDOUT`, `ECONNRESET` when it has gone. */
Result<std::vector<Message>> askKeeper(int connection, char kind, const std::string& key, const std::vector<Fd>& fds,
                                       int timeoutMs);

}  // namespace fairlead
