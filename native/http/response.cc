#include "http/response.h"

#include <algorithm>

#include "http/number.h"

namespace fairlead {

namespace {

constexpr size_t maxLineBytes = 64 * 1024;

std::string lowerCase(std::string_view text) {
  std::string result(text);
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z') character += 'a' - 'A';
  }
  return result;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::optional<std::string_view> Response::header(std::string_view lowerCaseName) const {
  const auto found = std::ranges::find(headers, lowerCaseName, [](const auto& header) { return header.first; });
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

void ResponseReader::take(std::string_view bytes) {
  if (complete() || !refusal_.empty()) return;
  pending_ += bytes;
  while (step()) {
  }
}

void ResponseReader::close() {
  if (state_ == State::openBody) {
    state_ = State::complete;
  } else if (!complete() && refusal_.empty()) {
    refuse("the connection was closed in the middle of the answer");
  }
}

/** Returns whether there may be more to do with what is pending. */
bool ResponseReader::step() {
  switch (state_) {
    case State::complete:
    case State::refused:
      return false;
    case State::sizedBody:
    case State::chunk:
    case State::openBody:
      return takeBody();
    default:
      return takeLine();
  }
}

bool ResponseReader::takeLine() {
  const size_t end = pending_.find("\r\n");
  if (lineBytes_ + std::min(end, pending_.size()) > maxLineBytes) {
    refuse("its head is larger than " + std::to_string(maxLineBytes) + " bytes");
    return false;
  }
  if (end == std::string::npos) return false;
  lineBytes_ += end + 2;
  const std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 2);
  readLine(line);
  return true;
}

void ResponseReader::readLine(std::string_view line) {
  switch (state_) {
    case State::statusLine:
      return readStatusLine(line);
    case State::header:
      return line.empty() ? beginBody() : readHeader(line);
    case State::chunkSize:
      return readChunkSize(line);
    case State::chunkEnd:
      if (!line.empty()) return refuse("a chunk is longer than announced");
      state_ = State::chunkSize;
      return;
    default:
      if (line.empty()) state_ = State::complete;
  }
}

void ResponseReader::readStatusLine(std::string_view line) {
  // HTTP/1.1 200 OK
  const bool isHttp = line.size() >= 12 && line.starts_with("HTTP/1.");
  const auto status = isHttp ? parseNumber<int>(line.substr(9, 3), 10) : std::nullopt;
  if (!status || *status < 200 || *status > 599) return refuse("it is not HTTP");
  response_.status = *status;
  state_ = State::header;
}

void ResponseReader::readHeader(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || line[0] == ' ' || line[0] == '\t') {
    return refuse("a header of it is malformed");
  }
  response_.headers.emplace_back(lowerCase(line.substr(0, colon)), trim(line.substr(colon + 1)));
}

void ResponseReader::beginBody() {
  if (const auto encoding = response_.header("transfer-encoding")) {
    if (lowerCase(*encoding) != "chunked") return refuse("its transfer encoding is unknown");
    state_ = State::chunkSize;
  } else if (const auto length = response_.header("content-length")) {
    const auto bytes = parseNumber<size_t>(*length);
    if (!bytes) return refuse("its length is malformed");
    missing_ = *bytes;
    state_ = State::sizedBody;
  } else {
    state_ = response_.status == 204 ? State::complete : State::openBody;
  }
}

void ResponseReader::readChunkSize(std::string_view line) {
  const auto bytes = parseNumber<size_t>(trim(line.substr(0, line.find(';'))), 16);
  if (!bytes) return refuse("the size of a chunk is malformed");
  missing_ = *bytes;
  state_ = *bytes == 0 ? State::trailer : State::chunk;
}

bool ResponseReader::takeBody() {
  const size_t room = maxBodyBytes_ - response_.body.size();
  const size_t announced = state_ == State::openBody ? pending_.size() : missing_;
  if (announced > room) {
    refuse("it is larger than " + std::to_string(maxBodyBytes_) + " bytes");
    return false;
  }
  const size_t bytes = std::min(announced, pending_.size());
  response_.body.append(pending_, 0, bytes);
  pending_.erase(0, bytes);
  if (state_ == State::openBody) return false;
  missing_ -= bytes;
  if (missing_ > 0) return false;
  state_ = state_ == State::chunk ? State::chunkEnd : State::complete;
  return true;
}

void ResponseReader::refuse(std::string reason) {
  refusal_ = std::move(reason);
  state_ = State::refused;
}

}  // namespace fairlead
