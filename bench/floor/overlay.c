/* What benchmarks of networks over several hosts measure with.
 *
 * usage: overlay serve PORT               (says `ready`; accepts and closes TCP connections, sends UDP datagrams back)
 *        overlay probe PORT NAME...       (looks for one name after the other, see below)
 *        overlay rtt ADDRESS PORT COUNT   (prints the microseconds of each way there and back by UDP, a line each)
 *
 * `probe` asks the resolver of containers for a name, about a thousand times a second, until it has an address, and connects to
 * that until it is answered. It says `ready NAME` when it was told for the first time that there is no such name, and then
 * `NAME RESOLVED CONNECTED`: nanoseconds of the monotonic clock, which all namespaces share. `NAME never` after thirty seconds.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { pause_us = 1000, answer_ms = 100, connect_ms = 20, patience_s = 30, max_packet = 1500, type_a = 1 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct sockaddr_in address_of(const char *text, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

static int socket_at(int type, struct sockaddr_in address) {
  int fd = socket(AF_INET, type, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) die("bind");
  return fd;
}

static int serve(const char *port) {
  char packet[max_packet];
  struct sockaddr_in any = address_of("0.0.0.0", port);
  int tcp = socket_at(SOCK_STREAM, any), udp = socket_at(SOCK_DGRAM, any);
  if (listen(tcp, 64)) die("listen");
  puts("ready");
  fflush(stdout);
  struct pollfd sockets[] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
  while (poll(sockets, 2, -1) > 0) {
    if (sockets[0].revents) close(accept(tcp, NULL, NULL));
    if (!sockets[1].revents) continue;
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    ssize_t got = recvfrom(udp, packet, sizeof packet, 0, (struct sockaddr *)&peer, &length);
    if (got >= 0) sendto(udp, packet, got, 0, (struct sockaddr *)&peer, length);
  }
  return 1;
}

/* A question for the IPv4 address of a name without dots, RFC 1035. Returns its length. */
static size_t question(unsigned char *packet, unsigned short id, const char *name) {
  size_t length = strlen(name);
  unsigned char header[12] = {id >> 8, id & 255, 1, 0, 0, 1};
  memcpy(packet, header, 12);
  packet[12] = length;
  memcpy(packet + 13, name, length);
  memcpy(packet + 13 + length, "\0\0\1\0\1", 5);
  return 18 + length;
}

static size_t skip_name(const unsigned char *packet, size_t at, size_t size) {
  while (at < size && packet[at] != 0 && packet[at] < 192) at += packet[at] + 1;
  return at < size && packet[at] >= 192 ? at + 2 : at + 1;
}

/* Whether an answer has an IPv4 address. */
static int read_answer(const unsigned char *packet, size_t size, struct in_addr *address) {
  int records = packet[6] << 8 | packet[7];
  size_t at = skip_name(packet, 12, size) + 4;
  while (records-- > 0) {
    at = skip_name(packet, at, size);
    if (at + 14 > size) return 0;
    int length = packet[at + 8] << 8 | packet[at + 9];
    if ((packet[at] << 8 | packet[at + 1]) == type_a && length == 4) {
      memcpy(address, packet + at + 10, 4);
      return 1;
    }
    at += 10 + length;
  }
  return 0;
}

/* 1: has an address, 0: there is no such name, -1: no answer. */
static int resolve(int fd, const char *name, struct in_addr *address) {
  static unsigned short id;
  unsigned char packet[max_packet];
  size_t length = question(packet, ++id, name);
  if (send(fd, packet, length, 0) < 0) return -1;
  struct pollfd socket = {.fd = fd, .events = POLLIN};
  while (poll(&socket, 1, answer_ms) > 0) {
    ssize_t got = recv(fd, packet, sizeof packet, 0);
    if (got < 0) return -1;
    if (got < 12 || (packet[0] << 8 | packet[1]) != id) continue;
    return read_answer(packet, got, address);
  }
  return -1;
}

static int connects(struct sockaddr_in address) {
  struct linger reset = {.l_onoff = 1};  /* nothing is left in TIME_WAIT */
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
  socklen_t length = sizeof error;
  connect(fd, (struct sockaddr *)&address, sizeof address);
  struct pollfd socket = {.fd = fd, .events = POLLOUT};
  int answered = poll(&socket, 1, connect_ms) > 0;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
  return answered && error == 0;
}

static void look_for(int resolver, struct sockaddr_in target, const char *name) {
  while (resolve(resolver, name, &target.sin_addr) != 0) usleep(pause_us);
  printf("ready %s\n", name);
  long long deadline = now() + patience_s * 1000000000LL, resolved;
  while (resolve(resolver, name, &target.sin_addr) != 1 && now() < deadline) usleep(pause_us);
  resolved = now();
  while (now() < deadline) {
    if (connects(target)) {
      printf("%s %lld %lld\n", name, resolved, now());
      return;
    }
    usleep(pause_us);
  }
  printf("%s never\n", name);
}

static int probe(const char *port, int count, char **names) {
  struct sockaddr_in server = address_of("127.0.0.11", "53");
  int resolver = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(resolver, (struct sockaddr *)&server, sizeof server)) die("connect");
  for (int i = 0; i < count; i++) look_for(resolver, address_of("0.0.0.0", port), names[i]);
  return 0;
}

static int measure_rtt(const char *host, const char *port, int count) {
  struct sockaddr_in address = address_of(host, port);
  char packet[64] = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  for (int i = 0; i < count; i++) {
    long long began = now();
    struct pollfd socket = {.fd = fd, .events = POLLIN};
    if (send(fd, packet, sizeof packet, 0) < 0 || poll(&socket, 1, 1000) <= 0) die("no answer");
    if (recv(fd, packet, sizeof packet, 0) < 0) die("recv");
    printf("%.1f\n", (now() - began) / 1e3);
  }
  return 0;
}

int main(int count, char **words) {
  setlinebuf(stdout);
  if (count == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
  if (count > 3 && !strcmp(words[1], "probe")) return probe(words[2], count - 3, words + 3);
  if (count == 5 && !strcmp(words[1], "rtt")) return measure_rtt(words[2], words[3], atoi(words[4]));
  return 2;
}
