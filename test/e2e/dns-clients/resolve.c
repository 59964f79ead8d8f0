// Asks by a C library: `resolve address NAME 0|4|6`, `resolve name ADDRESS`, `resolve query NAME TYPE`. Compiled for
// glibc and for musl. Prints what was found, one a line; or `no name`, `no data`, or the error.
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef EAI_NODATA
#define EAI_NODATA -5 // glibc has it for those who ask for GNU's; musl of late
#endif

static void tell_error(int code) {
  if (code == EAI_NONAME) puts("no name");
  else if (code == EAI_NODATA) puts("no data");
  else puts(gai_strerror(code));
}

static void addresses(const char *name, const char *family) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *one;
  hints.ai_family = *family == '4' ? AF_INET : *family == '6' ? AF_INET6 : AF_UNSPEC;
  const int code = getaddrinfo(name, NULL, &hints, &list);
  if (code != 0) return tell_error(code);
  for (one = list; one != NULL; one = one->ai_next) {
    char text[NI_MAXHOST];
    getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    puts(text);
  }
}

static void name_of(const char *address) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *one;
  char name[NI_MAXHOST];
  int code = getaddrinfo(address, NULL, &hints, &one);
  if (code == 0) code = getnameinfo(one->ai_addr, one->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD);
  if (code == 0) puts(name);
  else tell_error(code);
}

static void print_record(ns_msg *message, ns_rr *record) {
  char text[NI_MAXHOST];
  const unsigned char *data = ns_rr_rdata(*record);
  switch (ns_rr_type(*record)) {
    case ns_t_a: puts(inet_ntop(AF_INET, data, text, sizeof text)); break;
    case ns_t_aaaa: puts(inet_ntop(AF_INET6, data, text, sizeof text)); break;
    case ns_t_srv:
      dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + 6, text, sizeof text);
      printf("%d %d %d %s\n", ns_get16(data), ns_get16(data + 2), ns_get16(data + 4), text);
      break;
    case ns_t_ptr:
      dn_expand(ns_msg_base(*message), ns_msg_end(*message), data, text, sizeof text);
      puts(text);
      break;
    default: printf("type %d\n", ns_rr_type(*record));
  }
}

static void query(const char *name, const char *type) {
  unsigned char reply[65535];
  const int number = strcmp(type, "A") == 0 ? ns_t_a : strcmp(type, "AAAA") == 0 ? ns_t_aaaa
                   : strcmp(type, "SRV") == 0 ? ns_t_srv : strcmp(type, "PTR") == 0 ? ns_t_ptr : ns_t_txt;
  const int length = res_query(name, ns_c_in, number, reply, sizeof reply);
  if (length < 0) {
    puts(h_errno == HOST_NOT_FOUND ? "no name" : h_errno == NO_DATA ? "no data" : hstrerror(h_errno));
    return;
  }
  ns_msg message;
  ns_rr record;
  ns_initparse(reply, length, &message);
  for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
    ns_parserr(&message, ns_s_an, i, &record);
    print_record(&message, &record);
  }
}

int main(int count, char **words) {
  if (count >= 4 && strcmp(words[1], "address") == 0) addresses(words[2], words[3]);
  else if (count >= 3 && strcmp(words[1], "name") == 0) name_of(words[2]);
  else if (count >= 4 && strcmp(words[1], "query") == 0) query(words[2], words[3]);
  else return 2;
  return 0;
}
