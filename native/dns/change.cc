#include "change.h"

#include <algorithm>
#include <array>

#include "name.h"

namespace fairlead::dns {

namespace {

/** Reads fields one after the other. Once one was not there or not right, it has failed, and the others are of no use. */
class Fields {
 public:
  explicit Fields(Bytes bytes) : rest_(bytes) {}

  bool hasFailed() const { return hasFailed_; }
  /** Whether all was right, and nothing is left. */
  bool areWhole() const { return !hasFailed_ && rest_.empty(); }

  Bytes bytes(size_t count) {
    if (count > rest_.size()) fail();
    if (hasFailed_) return {};
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  uint32_t number(size_t size) {
    uint32_t value = 0;
    for (const uint8_t byte : bytes(size)) value = value << 8 | byte;
    return value;
  }

  /** Of an endpoint, network or sandbox. */
  uint32_t id() {
    const uint32_t value = number(4);
    if (value == 0) fail();
    return value;
  }

  std::string text() { return std::string(textOf(bytes(number(1)))); }

  /** In its own case; may be empty. */
  std::string shownName() {
    std::string name = text();
    if (!isName(bytesOf(name))) fail();
    return name;
  }

  /** In lower case; may be empty. */
  std::string suffix() {
    std::string name = shownName();
    // The lengths of labels are less than any letter.
    std::ranges::transform(name, name.begin(), [](char byte) { return static_cast<char>(lowerCase(static_cast<uint8_t>(byte))); });
    return name;
  }

  std::string name() {
    std::string name = suffix();
    if (name.empty()) fail();
    return name;
  }

  /** Takes a count, then that many items. */
  template <class TakeItem>
  void each(TakeItem takeItem) {
    for (uint32_t left = number(4); left > 0 && !hasFailed_; left--) takeItem();
  }

 private:
  void fail() { hasFailed_ = true; }

  Bytes rest_;
  bool hasFailed_ = false;
};

Service takeService(Fields& fields) {
  const auto protocol = static_cast<uint8_t>(fields.number(1));
  return {protocol, static_cast<uint16_t>(fields.number(2))};
}

NameEntry takeNameEntry(Fields& fields) {
  NameEntry entry;
  entry.endpoint = fields.id();
  entry.network = fields.id();
  entry.sandbox = fields.id();
  entry.suffix = fields.suffix();
  entry.order = fields.text();
  entry.target = fields.shownName();
  fields.each([&] { entry.names.push_back(fields.name()); });
  entry.ipv4 = textOf(fields.bytes(size_t{4} * fields.number(4)));
  entry.ipv6 = textOf(fields.bytes(size_t{16} * fields.number(4)));
  fields.each([&] { entry.services.push_back(takeService(fields)); });
  std::ranges::sort(entry.services);
  return entry;
}

Link takeLink(Fields& fields) {
  std::string alias = fields.name();
  return {std::move(alias), fields.id()};
}

ViewEntry takeViewEntry(Fields& fields) {
  ViewEntry view;
  view.sandbox = fields.id();
  view.group = fields.number(4);
  fields.each([&] { view.networks.push_back(fields.id()); });
  fields.each([&] { view.links.push_back(takeLink(fields)); });
  return view;
}

std::optional<Change> takeBody(uint32_t operation, Fields& fields) {
  switch (operation) {
    case 1:
      return takeNameEntry(fields);
    case 2:
      return RemovedEndpoint{fields.id()};
    case 3:
      return takeViewEntry(fields);
    case 4:
      return RemovedView{fields.id()};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Change> takeChange(Bytes& bytes) {
  constexpr size_t headBytes = 5;
  Fields head(bytes);
  const uint32_t operation = head.number(1);
  const Bytes body = head.bytes(head.number(4));
  if (head.hasFailed()) return std::nullopt;
  Fields fields(body);
  std::optional<Change> change = takeBody(operation, fields);
  if (!change || !fields.areWhole()) return std::nullopt;
  bytes = bytes.subspan(headBytes + body.size());
  return change;
}

}  // namespace fairlead::dns
