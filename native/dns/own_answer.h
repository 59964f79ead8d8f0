// What is said to a question about names of the asker's networks: the twin of src/dns/answer.ts.
#pragma once

#include <vector>

#include "distinct_addresses.h"
#include "name_table.h"
#include "query.h"
#include "reply_writer.h"
#include "search.h"
#include "view.h"

namespace fairlead::dns {

enum class Verdict {
  answered,
  noData,
  noName,
  /** No network of the asker has the name. Nothing has been written. */
  unknown,
  /** A record has a name that no message can hold. What has been written is of no use. */
  unwritable,
};

struct AddressFamily;

class OwnAnswers {
 public:
  explicit OwnAnswers(const NameTable& table) : search_(table) {}

  /** Writes the records, to a question of any type but transfers. */
  Verdict write(const Query& query, View& view, ReplyWriter& reply);

 private:
  Verdict writeOfName(const Query& query, View& view, ReplyWriter& reply);
  Verdict writeOfAddress(const Query& query, ReplyWriter& reply);
  Verdict writeOfService(const Query& query, View& view, ReplyWriter& reply);
  void writeServers(uint16_t port, size_t first, ReplyWriter& reply);
  void writeTargetAddresses(const Endpoint& server, size_t targetOffset, ReplyWriter& reply);
  void writeAddresses(const AddressFamily& family, Section section, Bytes owner, size_t first, ReplyWriter& reply) const;
  void credit(const std::vector<const Endpoint*>& endpoints);

  Search search_;
  DistinctAddresses addresses_;
  std::vector<const Endpoint*> servers_;
  /** Where the target of each is in the reply. */
  std::vector<size_t> targetOffsets_;
  /** Tells the credits of one answer from those of others. */
  uint64_t answer_ = 0;
};

/** Says that a name does not exist; the SOA is that of the zone, a name in wire form or a pointer to one. */
Verdict writeNoName(Bytes zone, ReplyWriter& reply);

}  // namespace fairlead::dns
