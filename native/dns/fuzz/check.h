// What has to be true of every reply, by a reader of messages that shares nothing with what wrote it.
#pragma once

#include "dns/answerer.h"
#include "world.h"

namespace fairlead::dns::fuzz {

/** Says what is wrong, and ends the process as a crash does. */
[[noreturn]] void fail(const char* what);

/** How a reply may be looked at: names in what an upstream said are its own affair. */
enum class Origin { ours, upstream };

/** Asks, and looks at what is said. */
Answer askAndCheck(Answerer& answerer, Bytes message, const Asker& asker, Transport transport, uint64_t nowMs = 0);

void checkReply(Bytes message, Bytes reply, Transport transport, Origin origin);

}  // namespace fairlead::dns::fuzz
