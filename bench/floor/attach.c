/* The floor of an attach: the kernel work alone, from C: the requests of src/sandbox/attach-plan.ts, one after the other.
 *
 * usage: attach BRIDGE IFINDEX PREFIX NETNS...   (N-th namespace gets 10.PREFIX.N/256.N%256, gateway 10.PREFIX.255.254)
 * Prints the microseconds of each attach, a line each. Needs the bridge and the namespaces to exist.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[4096];
static struct nlmsghdr *head = (struct nlmsghdr *)buffer;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *append(const void *data, int size) {
  void *at = buffer + NLMSG_ALIGN(head->nlmsg_len);
  memset(at, 0, NLMSG_ALIGN(size));
  if (data) memcpy(at, data, size);
  head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + size;
  return at;
}

static void start(int type, int flags, const void *body, int size) {
  memset(head, 0, sizeof *head);
  head->nlmsg_len = NLMSG_HDRLEN;
  head->nlmsg_type = type;
  head->nlmsg_flags = NLM_F_REQUEST | flags;
  append(body, size);
}

static struct rtattr *attribute(int type, const void *data, int size) {
  struct rtattr *at = append(NULL, RTA_LENGTH(0));
  at->rta_type = type;
  at->rta_len = RTA_LENGTH(size);
  append(data, size);
  return at;
}

static void finish(struct rtattr *nest) {
  nest->rta_len = buffer + head->nlmsg_len - (char *)nest;
}

static struct rtattr *nest(int type) {
  return attribute(type | NLA_F_NESTED, NULL, 0);
}

/* Of the host end, chosen beforehand; the other end has the next. */
static int index_of(int number) {
  return (1 << 24) + 2 * number;
}

/* What both ends are made with. */
static void common(void) {
  int one = 1, mtu = 1500;
  attribute(IFLA_NUM_TX_QUEUES, &one, 4);
  attribute(IFLA_NUM_RX_QUEUES, &one, 4);
  attribute(IFLA_MTU, &mtu, 4);
}

static void ask(int fd) {
  char answer[16384];
  if (send(fd, buffer, head->nlmsg_len, 0) < 0) die("send");
  if (recv(fd, answer, sizeof answer, 0) < 0) die("recv");
  struct nlmsghdr *first = (struct nlmsghdr *)answer;
  if (first->nlmsg_type != NLMSG_ERROR) return;
  errno = -((struct nlmsgerr *)NLMSG_DATA(first))->error;
  if (errno) die("netlink");
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void add_link(int host, int bridge, int ns, int number) {
  struct ifinfomsg up = {.ifi_index = index_of(number), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  struct ifinfomsg peer = {.ifi_index = index_of(number) + 1};
  unsigned char mac[6] = {2, 0, 0, 0, number >> 8, number};
  char name[IFNAMSIZ];
  int length = snprintf(name, sizeof name, "floor%d", number);
  start(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &up, sizeof up);
  attribute(IFLA_IFNAME, name, length + 1);
  attribute(IFLA_MASTER, &bridge, 4);
  common();
  struct rtattr *info = nest(IFLA_LINKINFO);
  attribute(IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = nest(IFLA_INFO_DATA);
  struct rtattr *other = attribute(VETH_INFO_PEER, NULL, 0);
  append(&peer, sizeof peer);
  attribute(IFLA_IFNAME, "eth0", 5);
  attribute(IFLA_NET_NS_FD, &ns, 4);
  attribute(IFLA_ADDRESS, mac, sizeof mac);
  common();
  finish(other);
  finish(data);
  finish(info);
  ask(host);
}

/* The host end: whose it is, no IPv6 address, packets may go back out where they came in. */
static void set_host_end(int host, int number) {
  static const char alias[] = "fairlead /run/fairlead";
  const char none = IN6_ADDR_GEN_MODE_NONE, on = 1, off = 0;
  struct ifinfomsg link = {.ifi_index = index_of(number)};
  start(RTM_NEWLINK, NLM_F_ACK, &link, sizeof link);
  attribute(IFLA_IFALIAS, alias, sizeof alias - 1);
  struct rtattr *families = nest(IFLA_AF_SPEC), *ipv6 = nest(AF_INET6);
  attribute(IFLA_INET6_ADDR_GEN_MODE, &none, 1);
  finish(ipv6);
  finish(families);
  struct rtattr *info = nest(IFLA_LINKINFO);
  attribute(IFLA_INFO_SLAVE_KIND, "bridge", 6);
  struct rtattr *port = nest(IFLA_INFO_SLAVE_DATA);
  attribute(IFLA_BRPORT_MODE, &on, 1);
  attribute(IFLA_BRPORT_ISOLATED, &off, 1);
  finish(port);
  finish(info);
  ask(host);
}

static void configure(int inside, int index, const char *prefix, int number) {
  char text[64];
  struct in_addr address, gateway;
  snprintf(text, sizeof text, "10.%s.%d.%d", prefix, number / 250, 2 + number % 250);
  inet_pton(AF_INET, text, &address);
  snprintf(text, sizeof text, "10.%s.255.254", prefix);
  inet_pton(AF_INET, text, &gateway);
  struct ifaddrmsg ifa = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index};
  start(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof ifa);
  attribute(IFA_LOCAL, &address, 4);
  attribute(IFA_ADDRESS, &address, 4);
  ask(inside);
  struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  start(RTM_NEWLINK, NLM_F_ACK, &up, sizeof up);
  ask(inside);
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  start(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, &route, sizeof route);
  attribute(RTA_GATEWAY, &gateway, 4);
  attribute(RTA_OIF, &index, 4);
  ask(inside);
}

/* Without this look at the host end and the bridge the first connection may stall for a second. */
static void settle(int host, int index) {
  struct ifinfomsg link = {.ifi_index = index};
  int mask = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS;
  start(RTM_GETLINK, 0, &link, sizeof link);
  attribute(IFLA_EXT_MASK, &mask, 4);
  ask(host);
}

int main(int count, char **words) {
  if (count < 5) return 2;
  int own = open("/proc/self/ns/net", O_RDONLY), host = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  int bridge = if_nametoindex(words[1]), first = atoi(words[2]);
  for (int i = 4; i < count; i++) {
    double began = now();
    int ns = open(words[i], O_RDONLY);
    if (ns < 0) die(words[i]);
    add_link(host, bridge, ns, first + i);
    set_host_end(host, first + i);
    if (setns(ns, CLONE_NEWNET)) die("setns");
    int inside = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (setns(own, CLONE_NEWNET)) die("setns");
    configure(inside, index_of(first + i) + 1, words[3], first + i);
    settle(host, index_of(first + i));
    settle(host, bridge);
    close(inside);
    close(ns);
    printf("%.1f\n", now() - began);
  }
  return 0;
}
