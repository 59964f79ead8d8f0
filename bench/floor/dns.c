/* What the benchmark of names asks with, and what it asks beside the resolvers.
 *
 * usage: dns ask ADDRESS PER_SECOND COUNT NAMES PREFIX
 *                            (asks for the A record of PREFIX0, PREFIX1… of so many NAMES in turn, at a steady pace, whatever comes
 *                            back; prints the microseconds until each reply, a line each; a reply without address ends it)
 *        dns turn ADDRESS    (says `ready`; sends every message back as its own reply: the least a server can do)
 *        dns upstream ADDRESS  (says `ready`; any name has the address 192.0.2.1 for an hour)
 *
 * An asker that waits for the processor would measure that: `ask` goes before all others where it may.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { max_message = 1232, header = 12, max_count = 60000, batch = 32, patience_ns = 1000000000 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct sockaddr_in resolver_at(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

/* The name has one label. */
static size_t write_question(uint8_t *message, uint16_t id, const char *prefix, int number) {
  static const uint8_t rest[] = {0, 0, 1, 0, 1}; /* root; A; IN */
  char label[64];
  int length = snprintf(label, sizeof label, "%s%d", prefix, number);
  memset(message, 0, header);
  message[0] = id >> 8;
  message[1] = id & 255;
  message[2] = 1; /* recursion desired */
  message[5] = 1;
  message[header] = length;
  memcpy(message + header + 1, label, length);
  memcpy(message + header + 1 + length, rest, sizeof rest);
  return header + 1 + length + sizeof rest;
}

static int read_reply(int fd) {
  uint8_t message[max_message];
  ssize_t got = recv(fd, message, sizeof message, MSG_DONTWAIT);
  if (got < 0) return -1;
  if (got < header || !(message[2] & 128) || message[3] & 15 || !message[7]) {
    fputs("a reply without address\n", stderr);
    exit(1);
  }
  return message[0] << 8 | message[1];
}

static int ask(const char *where, int per_second, int count, int names, const char *prefix) {
  static int64_t sent_at[max_count], took[max_count];
  struct sockaddr_in address = resolver_at(where);
  struct sched_param first = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &first);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), sent = 0, answered = 0;
  if (count > max_count || connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  int64_t pause = 1000000000 / per_second, due = now() + pause, end = due + pause * count + patience_ns;
  for (int64_t time; answered < count && (time = now()) < end;) {
    if (sent < count && time >= due) {
      uint8_t message[max_message];
      size_t length = write_question(message, sent, prefix, sent % names);
      sent_at[sent++] = time;
      due += pause;
      if (send(fd, message, length, 0) < 0) die("send");
      continue;
    }
    int64_t rest = (sent < count ? due : end) - time;
    struct timespec wait = {.tv_sec = rest / 1000000000, .tv_nsec = rest % 1000000000};
    struct pollfd socket = {.fd = fd, .events = POLLIN};
    if (ppoll(&socket, 1, &wait, NULL) <= 0) continue;
    int id = read_reply(fd);
    if (id < 0 || id >= sent || took[id]) continue;
    took[id] = now() - sent_at[id];
    answered++;
  }
  /* What never came has taken all the time there was. */
  for (int i = 0; i < count; i++) printf("%.1f\n", (took[i] ? took[i] : end - sent_at[i]) / 1e3);
  return 0;
}

static void make_reply(uint8_t *message) {
  message[2] |= 128;
}

static size_t turn(uint8_t *message, size_t length) {
  make_reply(message);
  return length;
}

/* The question comes first; what follows it (EDNS) goes. */
static size_t say_address(uint8_t *message, size_t length) {
  static const uint8_t record[] = {0xc0, header, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1};
  size_t end = header;
  while (end < length && message[end]) end += message[end] + 1;
  end += 5;
  if (end > length || end + sizeof record > max_message) return 0;
  make_reply(message);
  message[3] = 128; /* recursion available */
  message[7] = 1;
  message[11] = 0;
  memcpy(message + end, record, sizeof record);
  return end + sizeof record;
}

static void serve(const char *where, size_t (*reply_to)(uint8_t *, size_t)) {
  static uint8_t data[batch][max_message];
  struct sockaddr_in address = resolver_at(where), askers[batch];
  struct iovec parts[batch];
  struct mmsghdr messages[batch];
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) die("bind");
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < batch; i++) {
      parts[i] = (struct iovec){data[i], max_message};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &askers[i], .msg_namelen = sizeof askers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int got = recvmmsg(fd, messages, batch, MSG_WAITFORONE, NULL);
    if (got < 0) die("recvmmsg");
    for (int i = 0; i < got; i++) parts[i].iov_len = reply_to(data[i], messages[i].msg_len);
    for (int done = 0; done < got;) {
      int sent = sendmmsg(fd, messages + done, got - done, 0);
      done += sent > 0 ? sent : 1; /* an asker that is gone */
    }
  }
}

int main(int count, char **words) {
  if (count == 7 && !strcmp(words[1], "ask"))
    return ask(words[2], atoi(words[3]), atoi(words[4]), atoi(words[5]), words[6]);
  if (count == 3 && !strcmp(words[1], "turn")) serve(words[2], turn);
  if (count == 3 && !strcmp(words[1], "upstream")) serve(words[2], say_address);
  return 2;
}
