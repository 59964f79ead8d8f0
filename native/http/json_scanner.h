// Going over JSON text (RFC 8259, strictly) value by value. What it returns are pieces of the text as they stand.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fairlead {

inline constexpr size_t maxJsonDepth = 128;

/** After the first fault it is of no more use. */
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  /** Goes over the next value; nothing at a fault. */
  std::optional<std::string_view> value();

  /** Goes over the next string, and returns it with its quotes; nothing at a fault. */
  std::optional<std::string_view> string();

  /** Goes over `character` if that is what comes next; returns whether it was. */
  bool take(char character);

  /** Whether nothing but white space is left. */
  bool atEnd();

  /** How far it has got: at a fault, where that is. */
  size_t offset() const { return offset_; }

  /** What is wrong; empty while nothing is. */
  std::string_view fault() const { return fault_; }

 private:
  char next() const { return offset_ < text_.size() ? text_[offset_] : '\0'; }
  bool fail(std::string_view fault);
  void skipSpace();
  bool skipValue();
  bool skipItems(char end, bool (JsonScanner::*skipItem)());
  bool skipMember();
  bool skipString();
  bool skipCharacter();
  bool skipEscape();
  bool skipNumber();
  bool skipDigits();
  bool skipWord(std::string_view word);
  std::optional<std::string_view> piece(bool (JsonScanner::*skip)());

  const std::string_view text_;
  size_t offset_ = 0;
  size_t depth_ = 0;
  std::string_view fault_;
};

}  // namespace fairlead
