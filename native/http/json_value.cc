#include "http/json_value.h"

#include <algorithm>

#include "http/json_scanner.h"
#include "http/number.h"
#include "http/utf8.h"

namespace fairlead {

namespace {

char32_t takeHexDigits(std::string_view& text) {
  const auto code = parseNumber<uint32_t>(text.substr(0, 4), 16);
  text.remove_prefix(4);
  return code.value_or(replacementCharacter);
}

/** What follows `\u`. */
char32_t takeUnicode(std::string_view& text) {
  const char32_t first = takeHexDigits(text);
  if (first < 0xD800 || first > 0xDFFF) return first;
  if (first > 0xDBFF || !text.starts_with("\\u")) return replacementCharacter;
  std::string_view rest = text.substr(2);
  const char32_t second = takeHexDigits(rest);
  if (second < 0xDC00 || second > 0xDFFF) return replacementCharacter;
  text = rest;
  return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

/** What follows a backslash. */
char32_t takeEscape(std::string_view& text) {
  const char kind = text[0];
  text.remove_prefix(1);
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'u':
      return takeUnicode(text);
    default:
      return static_cast<unsigned char>(kind);
  }
}

/** @param literal a string with its quotes. */
std::string decode(std::string_view literal) {
  std::string_view text = literal.substr(1, literal.size() - 2);
  std::string result;
  while (!text.empty()) {
    const size_t plain = std::min(text.find('\\'), text.size());
    result += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(1);
    appendCharacter(result, takeEscape(text));
  }
  return result;
}

char lowerCase(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character + ('a' - 'A')) : character;
}

}  // namespace

std::variant<JsonValue, JsonFault> JsonValue::parse(std::string_view text) {
  JsonScanner scanner(text);
  const auto value = scanner.value();
  if (!value) return JsonFault{scanner.fault(), scanner.offset()};
  if (!scanner.atEnd()) return JsonFault{"there is more after its end", scanner.offset()};
  return JsonValue(*value);
}

std::optional<std::string> JsonValue::string() const {
  if (!text_.starts_with('"')) return std::nullopt;
  return decode(text_);
}

std::optional<JsonValue> JsonValue::member(std::string_view key) const {
  JsonScanner scanner(text_);
  std::optional<JsonValue> exact;
  std::optional<JsonValue> alike;
  if (!isObject() || !scanner.take('{')) return std::nullopt;
  while (const auto literal = scanner.string()) {
    scanner.take(':');
    const auto value = scanner.value();
    if (!value) break;
    const std::string name = decode(*literal);
    if (name == key) exact = JsonValue(*value);
    if (std::ranges::equal(name, key, {}, lowerCase, lowerCase)) alike = JsonValue(*value);
    scanner.take(',');
  }
  return exact ? exact : alike;
}

}  // namespace fairlead
