#include "netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>

namespace fairlead {

namespace {

/** Answers to the largest batch, an error for each of its messages, must fit. Only a limit, not an allocation. */
constexpr int receiveBufferBytes = 64 << 20;
constexpr int sendBufferBytes = 1 << 20;

void enable(int fd, int option) {
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, option, &on, sizeof on);  // kernels without it do without
}

size_t aligned(size_t length) { return NLMSG_ALIGN(length); }

/** What the answers to one request add up to. */
class Tally {
 public:
  Tally(const Request& request, uint32_t first, uint32_t last, std::vector<uint8_t>& replies)
      : request_(request), first_(first), last_(last), replies_(replies) {}

  /** Nothing further will come. Batches are read until the socket is empty: an error may follow an acknowledgement. */
  bool ended() const { return ended_; }

  void refuse(int number) {
    if (!reply_.refusal) reply_.refusal = Refusal{number, {}, {}};
  }

  void readDatagram(std::span<const uint8_t> bytes) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, bytes.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return refuse(EPROTO);
      // Answers outside the range are left over from a request given up before.
      if (header.nlmsg_seq - first_ <= last_ - first_) read(header, bytes.first(header.nlmsg_len));
      bytes = bytes.subspan(std::min(aligned(header.nlmsg_len), bytes.size()));
    }
  }

  /** The kernel answers before send(2) returns, so what is missing now was never asked for. */
  Reply finish() {
    const bool complete = request_.dump ? done_ : acks_ >= request_.acks;
    if (!complete) refuse(EPROTO);
    return std::move(reply_);
  }

 private:
  void read(const nlmsghdr& header, std::span<const uint8_t> message) {
    if (header.nlmsg_flags & NLM_F_DUMP_INTR) reply_.interrupted = true;
    if (header.nlmsg_type == NLMSG_ERROR) {
      if (!readStatus(header, message, sizeof(nlmsgerr))) acks_++;
      if (last_ == first_ && (reply_.refusal || (acks_ >= request_.acks && !request_.dump))) ended_ = true;
    } else if (header.nlmsg_type == NLMSG_DONE) {
      readStatus(header, message, sizeof(int));
      done_ = true;
      ended_ = request_.dump;
    } else if (header.nlmsg_type != NLMSG_NOOP) {
      replies_.insert(replies_.end(), message.begin(), message.end());
      replies_.resize(aligned(replies_.size()));
    }
  }

  /**
   * Reads the status NLMSG_ERROR and NLMSG_DONE begin with; true when it is an error.
   * `statusBytes` is what precedes the extended acknowledgement (NETLINK_CAP_ACK leaves the request's header only).
   */
  bool readStatus(const nlmsghdr& header, std::span<const uint8_t> message, size_t statusBytes) {
    int status = 0;
    std::span<const uint8_t> payload = message.subspan(NLMSG_HDRLEN);
    if (payload.size() >= sizeof status) std::memcpy(&status, payload.data(), sizeof status);
    if (status >= 0) return false;
    if (reply_.refusal) return true;
    refuse(-status);
    if ((header.nlmsg_flags & NLM_F_ACK_TLVS) && payload.size() > statusBytes) {
      readExtendedAck(payload.subspan(statusBytes));
    }
    return true;
  }

  void readExtendedAck(std::span<const uint8_t> bytes) {
    while (bytes.size() >= sizeof(nlattr)) {
      nlattr attribute;
      std::memcpy(&attribute, bytes.data(), sizeof attribute);
      if (attribute.nla_len < sizeof attribute || attribute.nla_len > bytes.size()) return;
      const auto value = bytes.subspan(sizeof attribute, attribute.nla_len - sizeof attribute);
      const int type = attribute.nla_type & NLA_TYPE_MASK;
      if (type == NLMSGERR_ATTR_MSG) {
        const char* text = reinterpret_cast<const char*>(value.data());
        reply_.refusal->message.assign(text, strnlen(text, value.size()));
      } else if (type == NLMSGERR_ATTR_OFFS && value.size() == sizeof(uint32_t)) {
        uint32_t offset;
        std::memcpy(&offset, value.data(), sizeof offset);
        reply_.refusal->offset = offset;
      }
      bytes = bytes.subspan(std::min(aligned(attribute.nla_len), bytes.size()));
    }
  }

  const Request& request_;
  const uint32_t first_;
  const uint32_t last_;
  std::vector<uint8_t>& replies_;
  Reply reply_;
  uint32_t acks_ = 0;
  bool done_ = false;
  bool ended_ = false;
};

/** Numbers the messages from `sequence` on and returns the last number, or nothing if they do not fill the bytes. */
std::optional<uint32_t> number(std::span<uint8_t> bytes, uint32_t sequence) {
  if (bytes.empty()) return std::nullopt;
  while (true) {
    nlmsghdr header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return std::nullopt;
    header.nlmsg_seq = sequence;
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes = bytes.subspan(std::min(aligned(header.nlmsg_len), bytes.size()));
    if (bytes.empty()) return sequence;
    sequence++;
  }
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return lastError("socket");
  enable(fd.get(), NETLINK_EXT_ACK);
  enable(fd.get(), NETLINK_CAP_ACK);
  enable(fd.get(), NETLINK_GET_STRICT_CHK);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receiveBufferBytes, sizeof receiveBufferBytes);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &sendBufferBytes, sizeof sendBufferBytes);
  // Connected to the kernel, the socket takes messages from nobody else.
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0) return lastError("connect");
  return NetlinkSocket(std::move(fd), sendBufferBytes);
}

NetlinkSocket NetlinkSocket::resume(Fd fd) { return NetlinkSocket(std::move(fd), sendBufferBytes); }

Reply NetlinkSocket::exchange(const Request& request, std::span<uint8_t> buffer, std::vector<uint8_t>& replies) {
  const uint32_t first = sequence_ + 1;
  const std::optional<uint32_t> last = number(request.messages, first);
  if (!last) return {Refusal{EINVAL, {}, {}}};
  sequence_ = *last;
  if (!makeRoom(request.messages.size())) return {Refusal{errno, {}, {}}};
  if (send(fd_.get(), request.messages.data(), request.messages.size(), 0) < 0) return {Refusal{errno, {}, {}}};

  Tally tally(request, first, *last, replies);
  while (!tally.ended()) {
    const ssize_t length = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) break;
    if (length < 0) {
      tally.refuse(errno);
      if (errno != ENOBUFS) break;
    } else if (static_cast<size_t>(length) > buffer.size()) {
      tally.refuse(EMSGSIZE);
    } else {
      tally.readDatagram(buffer.first(length));
    }
  }
  return tally.finish();
}

bool NetlinkSocket::makeRoom(size_t bytes) {
  if (bytes < sendBytes_) return true;
  const int wanted = static_cast<int>(bytes);  // the kernel doubles it
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0) return false;
  sendBytes_ = bytes;
  return true;
}

}  // namespace fairlead
