// What lets a port published on 127.0.0.1 lead to an interface of the host.

/** A connection from there is answered only where packets to loopback addresses may come in (Documentation/networking/ip-sysctl.rst). */
export function routeLocalnet(ifname: string): string {
  return `net/ipv4/conf/${ifname}/route_localnet`;
}
