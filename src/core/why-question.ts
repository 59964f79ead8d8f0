// What is asked of `net why`, from its words to namespaces and addresses. Errors: `invalid_parameter`, `not_found`.
import { addressOf, familyOf, type IpAddress, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { hostGateways } from '../model/gateway.ts';
import type { Protocol } from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { WhyRequest } from '../model/why.ts';
import type { HeldPort, Origin, TracedSandbox } from '../tracer/tracer.ts';
import { namespaceOwner } from './desired.ts';
import { findTarget } from './find-target.ts';
import { endpointsOfSandbox, lookUp, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';

export interface Question {
  readonly origin: Origin;
  /** The sandbox that asks, when it is recorded. */
  readonly asker?: Sandbox;
  readonly target?: Sandbox;
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
  readonly place: { readonly kind: 'host' } | { readonly kind: 'sandbox'; readonly sandbox: TracedSandbox };
  readonly record?: Sandbox;
}

export async function questionOf(parts: Parts, request: WhyRequest): Promise<Question> {
  const { name, ...wanted } = splitTarget(request.to);
  const outside = parseOutside(request.from);
  const from = outside === undefined ? await namedPlace(parts, request.from) : undefined;
  const asker = from?.record;
  const shared = {
    origin: outside ?? (from?.place as Origin),
    ...(asker !== undefined && { asker }),
    fromName: outside === undefined ? nameOf(from, request.from) : request.from,
    ...wanted,
  };
  if (isIp(name)) {
    const address = parseIp(name, 'TO');
    if (!isOfFamily(address, shared.origin)) {
      throw new NetError('invalid_parameter', `${request.from} and ${name} are not of one family`);
    }
    return { ...shared, toName: name, addresses: [address], others: strangers(from) };
  }
  const to = await namedPlace(parts, name);
  const all =
    to.place.kind === 'host'
      ? await hostAddressesFor(parts, shared.origin, asker)
      : addressesFor(parts, to, asker);
  const addresses = all.filter((address) => isOfFamily(address, shared.origin));
  if (addresses.length === 0) throw withoutAddress(to, request);
  const { record: target } = to;
  return {
    ...shared,
    ...(target !== undefined && { target }),
    toName: nameOf(to, name),
    addresses,
    // A port of the host may lead anywhere.
    ...(to.place.kind === 'sandbox' && { goal: to.place.sandbox.name }),
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
  const found = await findTarget(parts, ref);
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
  return named?.record?.name ?? otherwise;
}

/** Those a name stands for to the asker, on networks they share; all where they share none, or nobody asks for names. */
function addressesFor({ store }: Parts, to: Named, asker: Sandbox | undefined): readonly IpAddress[] {
  if (to.record === undefined) return [];
  const all = endpointsOfSandbox(store.state, to.record.id);
  const own = asker === undefined ? [] : endpointsOfSandbox(store.state, asker.id);
  const shared = all.filter(({ networkId }) => own.some((endpoint) => endpoint.networkId === networkId));
  return addressesOf(shared.length > 0 ? shared : all);
}

function addressesOf(endpoints: readonly Endpoint[]): readonly IpAddress[] {
  return endpoints.flatMap(({ addresses }) => addresses.map(addressOf));
}

/** The host as the asker knows it: by its gateways, by the address on the link asked through, by loopback. */
async function hostAddressesFor(
  parts: Parts,
  origin: Origin,
  asker: Sandbox | undefined,
): Promise<readonly IpAddress[]> {
  if (origin.kind === 'outside') return parts.tracer.hostAddresses(origin.ifname);
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
  if (to.place.kind === 'sandbox') {
    return new NetError('invalid_parameter', `${request.to}: it has no address; give the one you mean`);
  }
  return new NetError(
    'invalid_parameter',
    `${request.to}: the host has no address on the networks of ${request.from}; give the one you mean`,
  );
}

/** Whoever has a certain address asks by its family alone. */
function isOfFamily(address: IpAddress, origin: Origin): boolean {
  return origin.kind !== 'outside' || familyOf(origin.address ?? address) === familyOf(address);
}

function isIp(text: string): boolean {
  return /^[\d.]+$/.test(text)
    ? text.split('.').length === 4
    : /^[\da-fA-F:.]*:[\da-fA-F:.]*:[\da-fA-F:.]*$/.test(text);
}
