// What decided about a packet, in the words of networks and options, and which command would change it. Pure.
import { contains, familyOf, type IpAddress } from '../base/cidr.ts';
import { gatewayMode } from '../model/gateway.ts';
import type { Network } from '../model/network.ts';
import type { WhyWay } from '../model/why.ts';
import type { Obstacle, RulePlace, Trace, TracedPacket } from '../tracer/tracer.ts';
import { networkPolicy } from './desired.ts';
import { endpointsOfSandbox, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { Question } from './why-question.ts';

export type Advice = Pick<WhyWay, 'reason' | 'change'>;

export function advise(
  parts: Parts,
  question: Question,
  address: IpAddress,
  { obstacle, packet, leaves }: Trace,
): Advice {
  if (obstacle === undefined) return leaves === true ? { reason: 'as far as this host decides' } : {};
  const about = { parts, question, address, packet };
  switch (obstacle.kind) {
    case 'rule':
    case 'unjudged':
      return isOurs(obstacle.rule) ? ownRule(about) : foreignRule(obstacle);
    case 'isolated-ports':
      return apart(networksOn(parts, obstacle.bridge)[0]);
    case 'no-route':
      return noRoute(about, obstacle);
    case 'not-listening':
      return notListening(about, obstacle.at);
    case 'not-forwarding':
      return obstacle.place === 'host'
        ? { reason: 'the host does not forward packets', change: `sysctl -w ${obstacle.sysctl}=1` }
        : { reason: `${obstacle.place} does not have ${packet.destination}`, change: 'net check --fix' };
    case 'held':
      return notAllowed(about);
    case 'link-down':
      return { reason: `${obstacle.ifname} is down`, change: 'net check --fix' };
    case 'no-neighbour':
      return { reason: `no sandbox has ${obstacle.address}`, change: 'net check, or another address' };
    case 'wrong-source':
      return obstacle.sysctl === undefined
        ? { reason: 'the kernel takes no such packet' }
        : { reason: 'the reverse path filter drops it', change: `sysctl -w ${obstacle.sysctl}=2` };
    case 'parent-of-macvlan':
      return {
        reason: `a macvlan interface and its parent ${obstacle.ifname} do not talk to each other`,
        change: `a network of driver bridge for both: net create NETWORK, net connect NETWORK ${question.toName}`,
      };
    case 'tunnel':
      return wrongTunnel(parts, obstacle);
    case 'elsewhere':
      return { reason: `${address} is not where packets to ${question.toName} go`, ...join(about) };
    case 'answer-lost':
      return { reason: 'answers do not reach who asked' };
  }
}

interface About {
  readonly parts: Parts;
  readonly question: Question;
  /** That was asked for. */
  readonly address: IpAddress;
  /** Where it ended. */
  readonly packet: TracedPacket;
}

function wrongTunnel({ cluster }: Parts, { ifname, peer }: Extract<Obstacle, { kind: 'tunnel' }>): Advice {
  if (cluster.view().state === 'fenced') {
    return {
      reason: 'tunnels to other hosts are closed, as the cluster could not be reached for too long',
      change: 'net cluster status',
    };
  }
  return { reason: `tunnel ${ifname} does not lead to host ${peer.host.name}`, change: 'net check --fix' };
}

/** Our table of nf_tables, or chains of ours among those of iptables. */
function isOurs({ table, chain }: RulePlace): boolean {
  return table === 'fairlead' || chain.startsWith('FAIRLEAD-');
}

/** Rules of ours follow from the networks alone. */
function ownRule({ parts, question, packet, address }: About): Advice {
  const [from, to] = [packet.iifname, packet.oifname].map((ifname) => networksOn(parts, ifname)[0]);
  if (from !== undefined && to !== undefined && from.id === to.id) return apart(to);
  if (from?.internal === true) return internal(from, 'nothing leaves it', question.fromName);
  if (to?.internal === true) return internal(to, 'nothing comes in', question.toName);
  if (from !== undefined && to !== undefined) return otherNetwork(question, from, to);
  if (to !== undefined) return unpublished(question, packet, to, address);
  return { reason: 'what comes by this way may not use 127.0.0.0/8 of the host' };
}

function internal({ name }: Network, what: string, sandbox: string): Advice {
  return {
    reason: `network ${name} is internal: ${what}`,
    change: `net connect NETWORK ${sandbox}, with a network that is not internal`,
  };
}

function apart(network: Network | undefined): Advice {
  const name = network?.name ?? 'the network';
  return {
    reason: `network ${name} keeps its endpoints apart (icc=false)`,
    change: `a network with -o icc=true: net create NETWORK, then net connect it to both`,
  };
}

function otherNetwork(question: Question, from: Network, to: Network): Advice {
  const port = question.port === undefined ? '' : `:${question.port}/${question.protocol}`;
  const asker = question.asker?.name ?? from.name;
  const target = question.target?.name ?? to.name;
  const connect = `net connect ${to.name} ${asker}`;
  return {
    reason: `networks ${from.name} and ${to.name} are kept apart`,
    // From another network nobody reaches another host: answers would stay there.
    change: question.peers.length > 0 ? connect : `net policy add ${asker} ${target}${port}, or ${connect}`,
  };
}

/** From outside, or from a network that is none of ours. */
function unpublished(question: Question, packet: TracedPacket, to: Network, address: IpAddress): Advice {
  const target = question.target?.name ?? address;
  const port = packet.port === undefined ? '' : ` port ${packet.port}/${packet.protocol}`;
  const family = familyOf(packet.destination);
  const mode = gatewayMode(to, family);
  if (mode === 'routed') {
    return {
      reason: `network ${to.name} is routed, and${port} of ${target} is not published`,
      change: `net publish ${target} ${publishWord(packet)}`,
    };
  }
  return {
    reason: `from outside, endpoints of network ${to.name} are reached by published ports alone (gateway_mode_ipv${family}=${mode})`,
    change: `net publish ${target} ${publishWord(packet)}, and ask the host's address; or -o gateway_mode_ipv${family}=nat-unprotected`,
  };
}

function publishWord({ port, protocol }: TracedPacket): string {
  if (port === undefined) return 'PORT';
  return protocol === 'tcp' ? `${port}:${port}` : `${port}:${port}/${protocol}`;
}

function foreignRule({ rule, place, kind }: Extract<Obstacle, { rule: RulePlace }>): Advice {
  const { family, table, chain, number, handle, legacy } = rule;
  const where = place === 'host' ? '' : `net exec ${place} -- `;
  const what = number === undefined ? `the policy of chain ${chain}` : `rule ${number} of chain ${chain}`;
  const reason = `${what} in table ${family} ${table}, which is not Fairlead's, ${kind === 'rule' ? 'stops it' : 'cannot be judged'}`;
  if (legacy === true) {
    const program = family === 'ip' ? 'iptables-legacy' : 'ip6tables-legacy';
    return { reason, change: `${where}${program} -t ${table} -S ${chain}` };
  }
  const look = `${where}nft -a list chain ${family} ${table} ${chain}`;
  if (kind === 'unjudged' || handle === undefined) return { reason, change: `see ${look}` };
  return { reason, change: `${where}nft delete rule ${family} ${table} ${chain} handle ${handle}` };
}

function noRoute(about: About, { place, destination }: Extract<Obstacle, { kind: 'no-route' }>): Advice {
  const { parts, question } = about;
  if (question.asker?.name !== place)
    return { reason: `${place} has no route to ${destination}`, ...join(about) };
  const { state } = parts.store;
  const networks = endpointsOfSandbox(state, question.asker.id).map((endpoint) => networkOf(state, endpoint));
  const [closed] = networks.filter((network) => network.internal);
  if (closed !== undefined) return internal(closed, 'nothing leaves it', question.fromName);
  return { reason: `${place} has no route to ${destination}`, ...join(about) };
}

/** A network of the target's for the asker. */
function join({ parts, question, address }: About): Pick<Advice, 'change'> {
  const { state } = parts.store;
  const { asker, target } = question;
  if (asker === undefined) return {};
  const [peer] = question.peers;
  const far = peer && state.networks.get(peer.networkId);
  if (far !== undefined) return { change: `net connect ${far.name} ${asker.name}` };
  if (target === undefined) return {};
  const endpoint = endpointsOfSandbox(state, target.id).find(({ addresses }) =>
    addresses.some((one) => one.startsWith(`${address}/`)),
  );
  return endpoint === undefined
    ? {}
    : { change: `net connect ${networkOf(state, endpoint).name} ${asker.name}` };
}

function notListening({ question, packet }: About, at: readonly string[]): Advice {
  const { port, protocol } = packet;
  const name = question.goal ?? question.toName;
  if (port === undefined) return { reason: `${name} answers no echo requests` };
  if (at.length > 0) {
    return {
      reason: `${name} listens on ${port}/${protocol} at ${at.join(', ')} alone`,
      change: `the service's listen address: 0.0.0.0 or [::] in place of ${at.join(', ')}`,
    };
  }
  const isHost = question.goal === undefined;
  return {
    reason: `nothing listens on ${port}/${protocol} in ${name}`,
    change: isHost
      ? `net publish SANDBOX ${port}:PORT, or start the service`
      : `start the service, or make it listen on ${port}/${protocol}`,
  };
}

/** Somebody published it, for others than the asker. */
function notAllowed({ parts, packet }: About): Advice {
  const { port, protocol, source } = packet;
  const views = [...parts.store.state.endpoints.values()].flatMap(({ ports }) => ports);
  const published = views.find((one) => one.hostPort === port && one.protocol === protocol);
  const from = published?.from ?? [];
  if (published?.from !== undefined && !from.some((subnet) => contains(subnet, source))) {
    const list = from.length === 0 ? 'nobody' : from.join(', ');
    return {
      reason: `port ${port}/${protocol} is published for ${list}, and ${source} is not among them`,
      change: `publish it with from=${source} as well`,
    };
  }
  return {
    reason: `port ${port}/${protocol} is held, but its rules do not lead anywhere`,
    change: 'net check --fix',
  };
}

function networksOn(parts: Parts, ifname: string | undefined): readonly Network[] {
  if (ifname === undefined) return [];
  return [...parts.store.state.networks.values()].filter(
    (network) => networkPolicy(parts, network)?.ifname === ifname,
  );
}
