// Keeps descriptors by key for a daemon that may end and come back, and says nothing to anybody else.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <string>
#include <vector>

#include "../addon/fd.h"
#include "message.h"

namespace fairlead {

class Keeper {
 public:
  /** `daemon` is the connection to the one that started it. */
  Keeper(std::string path, Fd daemon, int waitMs) : path_(std::move(path)), daemon_(std::move(daemon)), waitMs_(waitMs) {}

  /** Listens at the path, in place of whoever did. False with errno. */
  bool listen();

  /** Returns when no daemon was there for the time it waits, or none can come any more. */
  void run();

 private:
  void accept();
  /** Answers what is asked now; lets go of the daemon when it has gone, or does not read what it asked for. */
  void serve();
  bool answer(Message& request);
  void leave();

  std::string path_;
  Fd listener_;
  Fd daemon_;
  int waitMs_;
  /** Of the file at the path: another keeper may have put its own there. */
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::map<std::string, std::vector<Fd>> kept_;
};

}  // namespace fairlead
