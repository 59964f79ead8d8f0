// Looking things up in a JSON text, without making a tree of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace fairlead {

/** Why a text is no JSON. */
struct JsonFault {
  std::string_view reason;
  /** In bytes. */
  size_t offset;
};

/** A value as it stands in a text, which must outlive it. */
class JsonValue {
 public:
  /** Checks the whole text. */
  static std::variant<JsonValue, JsonFault> parse(std::string_view text);

  bool isObject() const { return text_.starts_with('{'); }
  bool isNull() const { return text_ == "null"; }
  bool isNumber() const { return text_[0] == '-' || (text_[0] >= '0' && text_[0] <= '9'); }

  /** A string's content; nothing when the value is of another kind. Halves of surrogate pairs become U+FFFD. */
  std::optional<std::string> string() const;

  /**
   * An object's member whose key is `key` or, when there is none, is `key` but for the case of ASCII letters: so do
   * Go's programs read their configurations. Of several the last. Nothing when there is none, or no object.
   */
  std::optional<JsonValue> member(std::string_view key) const;

 private:
  explicit JsonValue(std::string_view text) : text_(text) {}

  std::string_view text_;
};

}  // namespace fairlead
