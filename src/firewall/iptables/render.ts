// From policies to iptables: what should be in the tables of one family. Pure.
import { familyOf, type IpFamily } from '../../base/cidr.ts';
import type { EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import { own } from './chain-names.ts';
import { filterTable, type Surroundings } from './filter-rules.ts';
import { natTable } from './nat-rules.ts';
import type { Policies } from './policies.ts';
import { runsOf } from './port-runs.ts';
import { checkName, destination } from './rule-text.ts';
import { anyOrder, emptyTable, ordered, type Table, type Tables, table } from './table.ts';

/** Errors: `invalid_parameter` for an interface iptables cannot name. */
export function render(family: IpFamily, policies: Policies, surroundings: Surroundings): Tables {
  const networks = [...policies.networks.values()];
  for (const { ifname, trustedInterfaces } of networks) [ifname, ...trustedInterfaces].forEach(checkName);
  const endpoints = [...policies.endpoints.values()].map((endpoint) => ofFamily(endpoint, family));
  const allowances = [...policies.allowances.values()];
  const opened = endpoints.map((endpoint) => only(endpoint, isOpened));
  const led = endpoints.map((endpoint) => only(endpoint, (forward) => !isOpened(forward)));
  return {
    raw: family === 4 ? rawTable(networks, led) : emptyTable,
    filter: filterTable({ family, networks, opened, allowances, surroundings }),
    nat: natTable({ family, networks, endpoints: led, allowances }),
  };
}

const loopback = '127.0.0.0/8';

/**
 * Packets that claim to come from or go to 127.0.0.0/8. Our bridges have route_localnet set, so that the host may reach published
 * ports by 127.0.0.1; what comes in by them must not reach the host that way. Other interfaces with that setting are
 * somebody else's, and only ports of ours are kept from them.
 */
function rawTable(networks: readonly NetworkPolicy[], endpoints: readonly EndpointPolicy[]): Table {
  const ports = endpoints.flatMap(({ forwards }) =>
    runsOf(forwards.filter(({ hostAddress }) => hostAddress.startsWith('127.'))),
  );
  return table(
    {
      [own.raw]: ordered(
        '-i lo -j RETURN',
        `-s ${loopback} -j ${own.loopback}`,
        `-d ${loopback} -j ${own.loopback}`,
      ),
      [own.loopback]: anyOrder([
        ...networks.map(({ ifname }) => `-i ${ifname} -j DROP`),
        ...ports.map(
          ({ hostAddress, hostPort, protocol, count }) =>
            `${destination(hostAddress, { protocol, first: hostPort, count })} -j DROP`,
        ),
      ]),
    },
    { PREROUTING: `-j ${own.raw}` },
  );
}

/** Nothing of the host leads to it. */
function isOpened({ hostAddress, hostPort, address, port }: PortForward): boolean {
  return hostAddress === address && hostPort === port;
}

function ofFamily(endpoint: EndpointPolicy, family: IpFamily): EndpointPolicy {
  return only(endpoint, ({ address }) => familyOf(address) === family);
}

function only(endpoint: EndpointPolicy, wanted: (forward: PortForward) => boolean): EndpointPolicy {
  return { ...endpoint, forwards: endpoint.forwards.filter(wanted) };
}
