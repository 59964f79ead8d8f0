// An HTTP/1.1 response, and its reading piece by piece. Nothing a server sends can make it grow without bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead {

struct Response {
  int status = 0;
  /** Names in lower case. */
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::optional<std::string_view> header(std::string_view lowerCaseName) const;
};

class ResponseReader {
 public:
  explicit ResponseReader(size_t maxBodyBytes) : maxBodyBytes_(maxBodyBytes) {}

  /** Takes what has arrived. Does nothing more once it is complete or refused. */
  void take(std::string_view bytes);

  /** The server will send nothing more. */
  void close();

  bool complete() const { return state_ == State::complete; }

  /** What is wrong with the response; empty while nothing is. */
  const std::string& refusal() const { return refusal_; }

  Response& response() { return response_; }

 private:
  enum class State { statusLine, header, sizedBody, chunkSize, chunk, chunkEnd, trailer, openBody, complete, refused };

  bool step();
  bool takeLine();
  void readLine(std::string_view line);
  void readStatusLine(std::string_view line);
  void readHeader(std::string_view line);
  void beginBody();
  void readChunkSize(std::string_view line);
  bool takeBody();
  void refuse(std::string reason);

  const size_t maxBodyBytes_;
  State state_ = State::statusLine;
  Response response_;
  std::string refusal_;
  std::string pending_;
  /** Bytes of head, chunk sizes and trailers so far. */
  size_t lineBytes_ = 0;
  /** Bytes missing of the body or of the chunk. */
  size_t missing_ = 0;
};

}  // namespace fairlead
