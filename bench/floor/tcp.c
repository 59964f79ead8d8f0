/* Both ends of TCP connections.
 *
 * usage: tcp serve PORT...               (says `ready`, then accepts, and reads what comes)
 *        tcp connect ADDRESS PORT COUNT  (prints the microseconds of each connect, a line each)
 *        tcp rate ADDRESS PORT SECONDS   (prints how many connections were made and closed in a second)
 *        tcp bulk ADDRESS PORT SECONDS   (prints how many Gbit went over one connection in a second)
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_sockets = 64, max_ports = 16, backlog = 1024 };

static char data[1 << 18];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static struct sockaddr_in address_of(const char *text, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

/* Whether more may come. */
static int drain(int fd) {
  return recv(fd, data, sizeof data, MSG_TRUNC) > 0;
}

static int serve(int listeners, char **ports) {
  struct pollfd sockets[max_sockets];
  if (listeners > max_ports) return 2;
  for (int i = 0; i < listeners; i++) {
    struct sockaddr_in any = address_of("0.0.0.0", ports[i]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, backlog)) die("listen");
    sockets[i] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  puts("ready");
  fflush(stdout);
  int count = listeners;
  while (poll(sockets, count, -1) > 0) {
    for (int i = count - 1; i >= listeners; i--) {
      if (!sockets[i].revents || drain(sockets[i].fd)) continue;
      close(sockets[i].fd);
      sockets[i] = sockets[--count];
    }
    for (int i = 0; i < listeners && count < max_sockets; i++) {
      if (!sockets[i].revents) continue;
      sockets[count++] = (struct pollfd){.fd = accept(sockets[i].fd, NULL, NULL), .events = POLLIN};
    }
  }
  return 1;
}

static int connect_often(const char *host, const char *port, int count) {
  struct sockaddr_in address = address_of(host, port);
  struct linger reset = {.l_onoff = 1};  /* nothing is left in TIME_WAIT */
  for (int i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    double began = now();
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    printf("%.1f\n", now() - began);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  return 0;
}

static int connect_for(const char *host, const char *port, double seconds) {
  struct sockaddr_in address = address_of(host, port);
  struct linger reset = {.l_onoff = 1};
  double began = now();
  long made = 0;
  for (; now() - began < seconds * 1e6; made++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  printf("%.0f\n", made / ((now() - began) / 1e6));
  return 0;
}

static int send_for(const char *host, const char *port, double seconds) {
  struct sockaddr_in address = address_of(host, port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  double began = now(), sent = 0;
  while (now() - began < seconds * 1e6) {
    ssize_t written = send(fd, data, sizeof data, 0);
    if (written < 0) die("send");
    sent += written;
  }
  printf("%.2f\n", sent * 8 / 1e3 / (now() - began));
  return 0;
}

int main(int count, char **words) {
  if (count > 2 && !strcmp(words[1], "serve")) return serve(count - 2, words + 2);
  if (count == 5 && !strcmp(words[1], "connect")) return connect_often(words[2], words[3], atoi(words[4]));
  if (count == 5 && !strcmp(words[1], "rate")) return connect_for(words[2], words[3], atof(words[4]));
  if (count == 5 && !strcmp(words[1], "bulk")) return send_for(words[2], words[3], atof(words[4]));
  return 2;
}
