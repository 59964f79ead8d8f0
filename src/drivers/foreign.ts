// Networks of interfaces somebody else made: ports, names, settings and rate limits on them are ours, and nothing else is.
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { readSysctl, writeSysctl } from '../kernel/sysctl.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { NetworkPolicy, PortForward } from '../model/policy.ts';
import type { Driver, NetworkDraft } from './driver.ts';
import { endpointInterface } from './endpoint-interface.ts';
import {
  commonOptions,
  normalizeOptions,
  type OptionRule,
  type Options,
  parseBool,
  parseIfname,
} from './options.ts';
import { portForwards } from './port-forwards.ts';
import { routeLocalnet } from './route-localnet.ts';

/**
 * `bridge` is what packets to the endpoints leave the host by; without an `mtu` interfaces keep theirs.
 * `restore_route_localnet`: the bridge had no route_localnet before, and has none again after its last network.
 */
const rules: readonly OptionRule[] = [
  ...commonOptions.filter(({ name }) => name !== 'ifprefix'),
  { name: 'bridge', parse: parseIfname },
  { name: 'restore_route_localnet', parse: parseBool },
];

export class ForeignDriver implements Driver {
  readonly name = 'foreign';
  readonly scope = 'local';
  readonly hasInterfaces = true;
  readonly hasGateway = true;
  /** Those that need a bridge to be as it is. */
  readonly #networks = new Map<string, Set<NetworkId>>();

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, rules, raw);
  }

  /** Several networks may be on one bridge of somebody else's, but on one of ours there is its own network alone. */
  async resolve({ name, internal, options }: NetworkDraft, others: readonly Network[]): Promise<Options> {
    if (internal) {
      throw new NetError(
        'invalid_parameter',
        `network ${name}: driver foreign cannot keep interfaces of others from reaching what they reach`,
      );
    }
    const { bridge } = options;
    const rival = others.find((other) => other.driver === 'bridge' && other.options['bridge'] === bridge);
    if (bridge !== undefined && rival !== undefined) {
      throw new NetError('conflict', `bridge ${bridge} belongs to network ${rival.name}`);
    }
    if (bridge === undefined) return options;
    const sibling = others.find((other) => other.driver === this.name && other.options['bridge'] === bridge);
    const restore = sibling?.options['restore_route_localnet'] ?? String(!(await answersAlready(bridge)));
    return { restore_route_localnet: restore, ...options };
  }

  /** All that published ports need of the bridge. One that is not there just now is the business of whoever makes it. */
  async ensureNetwork({ id, options: { bridge } }: Network): Promise<void> {
    if (bridge === undefined) return;
    this.#networks.set(bridge, (this.#networks.get(bridge) ?? new Set()).add(id));
    if (await answersLoopback(bridge)) return;
    await writeSysctl(routeLocalnet(bridge), '1').catch(unlessGone);
  }

  /** Without our rules whoever is on the bridge could reach what listens on the host's 127.0.0.1. */
  async removeNetwork({ id, options }: Network): Promise<void> {
    const { bridge, restore_route_localnet: restore } = options;
    if (bridge === undefined) return;
    const others = this.#networks.get(bridge);
    others?.delete(id);
    if (others !== undefined && others.size > 0) return;
    this.#networks.delete(bridge);
    if (restore === 'true') await writeSysctl(routeLocalnet(bridge), '0').catch(unlessGone);
  }

  hostLinks({ options: { bridge } }: Network): readonly string[] {
    return bridge === undefined ? [] : [bridge];
  }

  async inspectNetwork({ options: { bridge } }: Network): Promise<readonly Difference[]> {
    if (bridge === undefined || (await answersLoopback(bridge))) return [];
    return [{ object: `interface ${bridge}`, problem: `has ${routeLocalnet(bridge)} = 0, not 1` }];
  }

  attachment(network: Network, endpoint: Endpoint): Attachment {
    return {
      link: { kind: 'foreign', former: endpoint.former ?? {} },
      ...endpointInterface(network, endpoint),
    };
  }

  /** Who may reach the endpoints, and with which address they leave, is up to whoever made them. */
  policy({ id, options: { bridge }, ipam }: Network): NetworkPolicy | undefined {
    if (bridge === undefined) return undefined;
    return {
      networkId: id,
      ifname: bridge,
      subnets: ipam.pools.map(({ subnet }) => subnet),
      internal: false,
      icc: true,
      source: { ipv4: 'keep', ipv6: 'keep' },
      direct: { ipv4: 'all', ipv6: 'all' },
      trustedInterfaces: [],
    };
  }

  /** Without a bridge there is no policy, so they answer others, but neither 127.0.0.1 nor the endpoint itself. */
  forwards(_network: Network, endpoint: Endpoint): readonly Omit<PortForward, 'keepSource'>[] {
    return portForwards(endpoint);
  }
}

/** True also of an interface that is not there. */
async function answersLoopback(ifname: string): Promise<boolean> {
  return (await readSysctl(routeLocalnet(ifname)).catch(unlessGone)) !== '0';
}

/** False of an interface that is not there: it will not by itself. */
async function answersAlready(ifname: string): Promise<boolean> {
  return (await readSysctl(routeLocalnet(ifname)).catch(unlessGone)) === '1';
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
}
