/* Both ends of short TCP connections.
 *
 * usage: tcp serve PORT...               (says `ready`, then accepts and closes)
 *        tcp connect ADDRESS PORT COUNT  (prints the microseconds of each connect, a line each)
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_ports = 16, backlog = 1024 };

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

static int serve(int count, char **ports) {
  struct pollfd listeners[max_ports];
  if (count > max_ports) return 2;
  for (int i = 0; i < count; i++) {
    struct sockaddr_in any = address_of("0.0.0.0", ports[i]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, backlog)) die("listen");
    listeners[i] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  puts("ready");
  fflush(stdout);
  while (poll(listeners, count, -1) > 0) {
    for (int i = 0; i < count; i++) {
      if (listeners[i].revents) close(accept(listeners[i].fd, NULL, NULL));
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

int main(int count, char **words) {
  if (count > 2 && !strcmp(words[1], "serve")) return serve(count - 2, words + 2);
  if (count == 5 && !strcmp(words[1], "connect")) return connect_often(words[2], words[3], atoi(words[4]));
  return 2;
}
