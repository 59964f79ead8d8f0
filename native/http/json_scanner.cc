#include "http/json_scanner.h"

#include "http/utf8.h"

namespace fairlead {

namespace {

bool isDigit(char character) { return character >= '0' && character <= '9'; }

bool isHexDigit(char character) {
  return isDigit(character) || (character >= 'a' && character <= 'f') || (character >= 'A' && character <= 'F');
}

}  // namespace

std::optional<std::string_view> JsonScanner::value() { return piece(&JsonScanner::skipValue); }

std::optional<std::string_view> JsonScanner::string() { return piece(&JsonScanner::skipString); }

bool JsonScanner::take(char character) {
  skipSpace();
  if (offset_ == text_.size() || text_[offset_] != character) return false;
  ++offset_;
  return true;
}

bool JsonScanner::atEnd() {
  skipSpace();
  return offset_ == text_.size();
}

std::optional<std::string_view> JsonScanner::piece(bool (JsonScanner::*skip)()) {
  skipSpace();
  const size_t start = offset_;
  if (!(this->*skip)()) return std::nullopt;
  return text_.substr(start, offset_ - start);
}

bool JsonScanner::fail(std::string_view fault) {
  fault_ = offset_ == text_.size() ? "the text ends too early" : fault;
  return false;
}

void JsonScanner::skipSpace() {
  while (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r') ++offset_;
}

bool JsonScanner::skipValue() {
  skipSpace();
  switch (next()) {
    case '{':
      return skipItems('}', &JsonScanner::skipMember);
    case '[':
      return skipItems(']', &JsonScanner::skipValue);
    case '"':
      return skipString();
    case 't':
      return skipWord("true");
    case 'f':
      return skipWord("false");
    case 'n':
      return skipWord("null");
    default:
      return skipNumber();
  }
}

bool JsonScanner::skipItems(char end, bool (JsonScanner::*skipItem)()) {
  if (depth_ == maxJsonDepth) return fail("there are more than 128 levels");
  static_assert(maxJsonDepth == 128, "the message says so");
  ++offset_;
  ++depth_;
  if (!take(end)) {
    do {
      if (!(this->*skipItem)()) return false;
    } while (take(','));
    if (!take(end)) return fail("a comma or the end of the list is missing");
  }
  --depth_;
  return true;
}

bool JsonScanner::skipMember() {
  skipSpace();
  return skipString() && (take(':') || fail("a colon is missing")) && skipValue();
}

bool JsonScanner::skipString() {
  if (next() != '"') return fail("a string is missing");
  ++offset_;
  while (next() != '"') {
    if (!skipCharacter()) return false;
  }
  ++offset_;
  return true;
}

bool JsonScanner::skipCharacter() {
  if (next() == '\\') return skipEscape();
  if (static_cast<unsigned char>(next()) < 0x20) return fail("a string has a control character");
  const size_t length = characterLength(text_.substr(offset_));
  if (length == 0) return fail("it is not UTF-8");
  offset_ += length;
  return true;
}

bool JsonScanner::skipEscape() {
  ++offset_;
  constexpr std::string_view known = "\"\\/bfnrtu";
  const char kind = next();
  if (known.find(kind) == std::string_view::npos) return fail("an escape is unknown");
  ++offset_;
  for (int digit = 0; kind == 'u' && digit < 4; ++digit) {
    if (!isHexDigit(next())) return fail("an escape has too few digits");
    ++offset_;
  }
  return true;
}

bool JsonScanner::skipNumber() {
  if (next() == '-') ++offset_;
  if (next() == '0') {
    ++offset_;
  } else if (!skipDigits()) {
    return fail("a value is missing");
  }
  if (next() == '.') {
    ++offset_;
    if (!skipDigits()) return fail("a number has no digit after its point");
  }
  if (next() == 'e' || next() == 'E') {
    ++offset_;
    if (next() == '+' || next() == '-') ++offset_;
    if (!skipDigits()) return fail("a number has an empty exponent");
  }
  return true;
}

bool JsonScanner::skipDigits() {
  if (!isDigit(next())) return false;
  while (isDigit(next())) ++offset_;
  return true;
}

bool JsonScanner::skipWord(std::string_view word) {
  if (!text_.substr(offset_).starts_with(word)) return fail("a value is missing");
  offset_ += word.size();
  return true;
}

}  // namespace fairlead
