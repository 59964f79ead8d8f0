// What is asked of `net why`, from its words to namespaces and addresses. Errors: `invalid_parameter`, `not_found`.
import { addressOf, familyOf, type IpAddress, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { hostGateways } from '../model/gateway.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Peer } from '../model/peer.ts';
import type { Protocol } from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { WhyRequest } from '../model/why.ts';
import type { HeldPort, Origin, TracedSandbox } from '../tracer/tracer.ts';
import { namespaceOwner } from './desired.ts';
import { findTarget } from './find-target.ts';
import { endpointsOfSandbox, lookUp, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { peersAt, peersCalled, tracedPeer } from './why-peers.ts';

export interface Question {
  readonly origin: Origin;
  /** The sandbox that asks, when it is recorded. */
  readonly asker?: Sandbox;
  readonly target?: Sandbox;
  /** Endpoints of another host that go by the name or address of TO. */
  readonly peers: readonly Peer[];
  /** As people know them. */
  readonly fromName: string;
  readonly toName: string;
  readonly protocol: Protocol | 'icmp';
  readonly port?: number;
  readonly addresses: readonly IpAddress[];
  /** Where it should end; anywhere when an address is asked for. */
  readonly goal?: string;
  /** Besides those of the records. */
  readonly others: readonly TracedSandbox[];
}

interface Named {
  readonly place:
    | { readonly kind: 'host' }
    | { readonly kind: 'sandbox'; readonly sandbox: TracedSandbox }
    /** What goes by one name, in the order of networks. */
    | { readonly kind: 'peers'; readonly peers: readonly Peer[] };
  readonly record?: Sandbox;
}

export async function questionOf(parts: Parts, request: WhyRequest): Promise<Question> {
  const { name, ...wanted } = splitTarget(request.to);
  const outside = parseOutside(request.from);
  const from = outside === undefined ? await namedPlace(parts, request.from) : undefined;
  const asker = from?.record;
  const shared = {
    ...(asker !== undefined && { asker }),
    fromName: outside === undefined ? nameOf(from, request.from) : request.from,
    ...wanted,
  };
  if (isIp(name)) {
    const address = parseIp(name, 'TO');
    const origin = outside ?? originOf(parts, from, []);
    if (!isOfFamily(address, origin)) {
      throw new NetError('invalid_parameter', `${request.from} and ${name} are not of one family`);
    }
    const peers = peersAt(parts, address);
    return { ...shared, origin, peers, toName: name, addresses: [address], others: strangers(from) };
  }
  const to = await namedPlace(parts, name);
  const origin = outside ?? originOf(parts, from, networksOf(parts, to));
  const all =
    to.place.kind === 'host'
      ? await hostAddressesFor(parts, origin, asker)
      : addressesFor(parts, to, networksOf(parts, from));
  const addresses = all.filter((address) => isOfFamily(address, origin));
  if (addresses.length === 0) throw withoutAddress(to, request);
  const { record: target } = to;
  const goal = goalOf(to);
  return {
    ...shared,
    origin,
    ...(target !== undefined && { target }),
    peers: to.place.kind === 'peers' ? to.place.peers : [],
    toName: nameOf(to, name),
    addresses,
    ...(goal !== undefined && { goal }),
    others: [...strangers(from), ...strangers(to)],
  };
}

/** Every recorded namespace with the addresses it has on our networks. */
export function tracedSandboxes(parts: Parts): readonly TracedSandbox[] {
  return [...parts.store.state.sandboxes.values()].flatMap((sandbox) => tracedSandbox(parts, sandbox) ?? []);
}

/** The ports that sockets of ours hold on the host; connections to those the kernel does not translate are relayed. */
export function heldPorts(parts: Parts): readonly HeldPort[] {
  const endpoints = [...parts.store.state.endpoints.values()];
  return endpoints.flatMap(({ ports, addresses, portsHeldElsewhere }) =>
    ports
      .filter(({ hostPort }) => hostPort !== 0 && portsHeldElsewhere === undefined)
      .map(({ protocol, hostAddress, hostPort, port, from }) => {
        const target = targetOf(hostAddress, addresses.map(addressOf));
        const isRelayed = protocol !== 'sctp' && target !== undefined && needsRelay(hostAddress, target);
        return {
          protocol,
          address: hostAddress,
          port: hostPort,
          ...(from !== undefined && { from }),
          ...(isRelayed && { relayedTo: { address: target, port } }),
        };
      }),
  );
}

/** The kernel translates neither what comes to ::1 nor from one family to the other. */
function needsRelay(hostAddress: IpAddress, target: IpAddress): boolean {
  return hostAddress === '::' || hostAddress === '::1' || familyOf(hostAddress) !== familyOf(target);
}

/** `[fd00::1]:80/udp`, `10.0.0.1:80`, `web:80`, `docker:web:80`, `pid:12`; an IPv6 address alone needs no brackets. */
function splitTarget(text: string): { name: string; protocol: Question['protocol']; port?: number } {
  const form = /^(?:\[(.+)\]|((?:docker|pid|netns):[^:]+|[^:]*))(?::([^:/]*)(?:\/(.*))?)?$/s;
  if (isIp(text)) return { name: text, protocol: 'icmp' };
  const [, bracketed, plain = '', port, protocol = 'tcp'] = form.exec(text) ?? [];
  const name = bracketed ?? plain;
  if (name === '') throw new NetError('invalid_parameter', `TO ${text}: TO[:PORT[/PROTOCOL]] is expected`);
  if (port === undefined) return { name, protocol: 'icmp' };
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) {
    throw new NetError('invalid_parameter', `TO ${text}: ${port} is not a port (1 to 65535)`);
  }
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw new NetError(
      'invalid_parameter',
      `TO ${text}: the protocols are tcp, udp and sctp, not ${protocol}`,
    );
  }
  return { name, protocol, port: Number(port) };
}

function parseOutside(text: string): Origin | undefined {
  if (!text.startsWith('outside:')) return undefined;
  const [ifname = '', address] = text.slice('outside:'.length).split(',');
  if (ifname === '') {
    throw new NetError('invalid_parameter', `FROM ${text}: outside:INTERFACE[,ADDRESS] is expected`);
  }
  return { kind: 'outside', ifname, ...(address !== undefined && { address: parseIp(address, 'FROM') }) };
}

async function namedPlace(parts: Parts, ref: string): Promise<Named> {
  const { sandboxes } = parts.store.state;
  if (ref === 'host' && lookUp('sandbox', sandboxes, ref) === undefined) return { place: { kind: 'host' } };
  const found = await findTarget(parts, ref).catch((error) => otherwisePeers(parts, ref, error));
  if ('peers' in found) return { place: { kind: 'peers', peers: found.peers } };
  if ('adopt' in found) {
    return { place: { kind: 'sandbox', sandbox: { name: ref, namespace: found.adopt.namespace } } };
  }
  const owner = namespaceOwner(parts.store.state, found);
  if (owner.namespace.kind === 'host') return { place: { kind: 'host' }, record: found };
  const sandbox = tracedSandbox(parts, owner);
  if (sandbox === undefined) {
    throw new NetError('not_found', `the network namespace of sandbox ${owner.name} has not been seen yet`);
  }
  return { place: { kind: 'sandbox', sandbox }, record: owner };
}

/** What is nobody here may be somebody on another host. */
async function otherwisePeers(parts: Parts, ref: string, error: unknown) {
  if (!(error instanceof NetError && error.code === 'not_found') || ref.includes(':')) throw error;
  const peers = await peersCalled(parts, ref);
  if (peers.length === 0) throw error;
  return { peers };
}

/** A recorded namespace with the addresses it has on our networks; undefined when it has not been seen yet. */
export function tracedSandbox({ store }: Parts, { id, name, namespace }: Sandbox): TracedSandbox | undefined {
  if (!('path' in namespace)) return undefined;
  const addresses = endpointsOfSandbox(store.state, id).flatMap((endpoint) =>
    endpoint.addresses.map(addressOf),
  );
  return { name, namespace, addresses };
}

function strangers(named: Named | undefined): readonly TracedSandbox[] {
  return named?.place.kind === 'sandbox' && named.record === undefined ? [named.place.sandbox] : [];
}

function nameOf(named: Named | undefined, otherwise: string): string {
  const peer = named?.place.kind === 'peers' ? named.place.peers[0]?.names[0] : undefined;
  return named?.record?.name ?? peer ?? otherwise;
}

/** A peer is behind the tunnel of its network: of one that TO is on as well, if there is any. */
function originOf(parts: Parts, from: Named | undefined, networks: readonly NetworkId[]): Origin {
  const place = from?.place ?? { kind: 'host' };
  if (place.kind !== 'peers') return place;
  const near = place.peers.find(({ networkId }) => networks.includes(networkId)) ?? place.peers[0];
  const peer = near && tracedPeer(parts, near);
  if (peer !== undefined) return { kind: 'peer', peer };
  throw new NetError('not_found', `nobody on this host is on a network with ${nameOf(from, '')}`);
}

function networksOf({ store }: Parts, named: Named | undefined): readonly NetworkId[] {
  if (named?.place.kind === 'peers') return named.place.peers.map(({ networkId }) => networkId);
  if (named?.record === undefined) return [];
  return endpointsOfSandbox(store.state, named.record.id).map(({ networkId }) => networkId);
}

/** A port of the host may lead anywhere. */
function goalOf({ place }: Named): string | undefined {
  if (place.kind === 'sandbox') return place.sandbox.name;
  return place.kind === 'peers' ? place.peers[0]?.names[0] : undefined;
}

/** Those a name stands for to who is on these networks; all where they share none, or nobody asks for names. */
function addressesFor({ store }: Parts, to: Named, networks: readonly NetworkId[]): readonly IpAddress[] {
  const recorded = to.record === undefined ? [] : endpointsOfSandbox(store.state, to.record.id);
  const all = to.place.kind === 'peers' ? to.place.peers : recorded;
  const shared = all.filter(({ networkId }) => networks.includes(networkId));
  return addressesOf(shared.length > 0 ? shared : all);
}

function addressesOf(endpoints: readonly Pick<Endpoint, 'addresses'>[]): readonly IpAddress[] {
  return endpoints.flatMap(({ addresses }) => addresses.map(addressOf));
}

/** The host as the asker knows it: by its gateways, by the address on the link asked through, by loopback. */
async function hostAddressesFor(
  parts: Parts,
  origin: Origin,
  asker: Sandbox | undefined,
): Promise<readonly IpAddress[]> {
  if (origin.kind === 'outside') return parts.tracer.hostAddresses(origin.ifname);
  if (origin.kind === 'peer') {
    throw new NetError(
      'invalid_parameter',
      `${origin.peer.name} knows its own host; give the address you mean`,
    );
  }
  if (origin.kind === 'host' || asker === undefined) return ['127.0.0.1' as IpAddress];
  const { state } = parts.store;
  const endpoints = endpointsOfSandbox(state, asker.id);
  const gateways = endpoints.flatMap((endpoint) =>
    hostGateways(networkOf(state, endpoint))
      .map(({ gateway }) => gateway)
      .filter((gateway) => endpoint.addresses.some((address) => familyOf(address) === familyOf(gateway))),
  );
  return [...new Set(gateways)];
}

function withoutAddress(to: Named, request: WhyRequest): NetError {
  if (to.place.kind !== 'host') {
    return new NetError('invalid_parameter', `${request.to}: it has no address; give the one you mean`);
  }
  return new NetError(
    'invalid_parameter',
    `${request.to}: the host has no address on the networks of ${request.from}; give the one you mean`,
  );
}

/** Whoever has a certain address asks by its family alone. */
function isOfFamily(address: IpAddress, origin: Origin): boolean {
  if (origin.kind === 'peer') return origin.peer.addresses.some((one) => familyOf(one) === familyOf(address));
  return origin.kind !== 'outside' || familyOf(origin.address ?? address) === familyOf(address);
}

function isIp(text: string): boolean {
  return /^[\d.]+$/.test(text)
    ? text.split('.').length === 4
    : /^[\da-fA-F:.]*:[\da-fA-F:.]*:[\da-fA-F:.]*$/.test(text);
}
