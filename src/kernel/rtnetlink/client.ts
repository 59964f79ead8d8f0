// Typed questions to rtnetlink, and the steps that programs are made of.
import type { IpFamily } from '../../base/cidr.ts';
import { NetlinkError } from '../netlink/error.ts';
import { decodeMessage } from '../netlink/message.ts';
import type { Namespace } from '../netns.ts';
import { dump, type RequestStep, runProgram, type StepReplies } from '../program.ts';
import { decodeAddress, type LinkAddress, listAddresses } from './address.ts';
import { decodeFilter, type Filter, listFilters } from './filter.ts';
import { decodeLink, getLink, type Link, type LinkRef, listLinks } from './link.ts';
import {
  decodeBridgeFdbEntry,
  decodeFdbEntry,
  decodeNeighbour,
  decodePermanentNeighbour,
  decodePortFdbEntry,
  type FdbEntry,
  listBridgeFdb,
  listFdb,
  listNeighbours,
  type Neighbour,
  type PortFdbEntry,
} from './neighbour.ts';
import { decodePortVlans, listPortVlans, type PortVlans } from './port-vlan.ts';
import { decodeQdisc, listQdiscs, type Qdisc } from './qdisc.ts';
import { decodeRoute, listRoutes, type Route } from './route.ts';
import { decodeRule, listRules, type Rule } from './rule.ts';

/** One step of acknowledged requests, sent to the kernel at once. It carries all of them out, even after one it refuses. */
export function request(socket: 'host' | 'namespace', ...messages: readonly Uint8Array[]): RequestStep {
  const [first] = messages;
  const message = messages.length === 1 && first !== undefined ? first : Buffer.concat(messages);
  return { socket, message, acks: messages.length };
}

/** Undefined when there is no such link. In the daemon's namespace when none is given, as all below. */
export async function findLink(link: LinkRef, namespace?: Namespace): Promise<Link | undefined> {
  try {
    const [replies] = await runProgram([request(socketOf(namespace), getLink(link))], namespace);
    return repliedLink(replies);
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENODEV') return undefined;
    throw error;
  }
}

/** Two links of the daemon's namespace, as a rule with one program. Undefined in the place of what is not there. */
export async function findLinkPair(
  one: LinkRef,
  other: LinkRef,
): Promise<readonly [Link | undefined, Link | undefined]> {
  try {
    const [replies] = await runProgram([request('host', getLink(one), getLink(other))]);
    const [first, second] = decodeAll(replies?.messages ?? [], decodeLink);
    return [first, second];
  } catch (error) {
    // The kernel does not say which.
    if (error instanceof NetlinkError && error.code === 'ENODEV')
      return Promise.all([findLink(one), findLink(other)]);
    throw error;
  }
}

/** The link a step with one `getLink` was answered with. */
export function repliedLink(replies: StepReplies | undefined): Link | undefined {
  const [message] = replies?.messages ?? [];
  return message === undefined ? undefined : decodeLink(decodeMessage(message).payload);
}

export async function readLinks(namespace?: Namespace): Promise<readonly Link[]> {
  return decodeAll(await dump(socketOf(namespace), listLinks(), namespace), decodeLink);
}

/** Of one link (by index), or of all. */
export async function readAddresses(link?: number, namespace?: Namespace): Promise<readonly LinkAddress[]> {
  return decodeAll(await dump(socketOf(namespace), listAddresses(link), namespace), decodeAddress);
}

/** What a namespace holds, asked for at once. */
export interface NamespaceContents {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  /** Of all tables and both families. */
  readonly routes: readonly Route[];
}

/** One program instead of four: with many namespaces to look at, the way to the netlink thread is what costs. */
export async function readNamespace(namespace: Namespace): Promise<NamespaceContents> {
  const dumps = [listLinks(), listAddresses(), listRoutes(4), listRoutes(6)];
  const steps = dumps.map((message) => ({ socket: 'namespace', message, acks: 0, dump: true }) as const);
  const replies = await runProgram(steps, namespace);
  const [links = [], addresses = [], ipv4 = [], ipv6 = []] = replies.map(({ messages }) => messages);
  if (replies.some(({ interrupted }) => interrupted)) return readNamespaceApart(namespace);
  return {
    links: decodeAll(links, decodeLink),
    addresses: decodeAll(addresses, decodeAddress),
    routes: decodeAll([...ipv4, ...ipv6], decodeRoute),
  };
}

/** Where tables change while they are dumped, each is repeated by itself. */
async function readNamespaceApart(namespace: Namespace): Promise<NamespaceContents> {
  const [links, addresses, ipv4, ipv6] = await Promise.all([
    readLinks(namespace),
    readAddresses(undefined, namespace),
    readRoutes(4, namespace),
    readRoutes(6, namespace),
  ]);
  return { links, addresses, routes: [...ipv4, ...ipv6] };
}

/** Of all tables. */
export async function readRoutes(family: IpFamily, namespace?: Namespace): Promise<readonly Route[]> {
  return decodeAll(await dump(socketOf(namespace), listRoutes(family), namespace), decodeRoute);
}

export async function readRules(family: IpFamily, namespace?: Namespace): Promise<readonly Rule[]> {
  return decodeAll(await dump(socketOf(namespace), listRules(family), namespace), decodeRule);
}

export async function readNeighbours(link: number, namespace?: Namespace): Promise<readonly Neighbour[]> {
  return decodeAll(await dump(socketOf(namespace), listNeighbours(link), namespace), decodeNeighbour);
}

export async function readPermanentNeighbours(
  link: number,
  namespace?: Namespace,
): Promise<readonly Neighbour[]> {
  return decodeAll(
    await dump(socketOf(namespace), listNeighbours(link), namespace),
    decodePermanentNeighbour,
  );
}

/** What a bridge knows of hardware addresses, and the VXLANs among its ports of tunnel endpoints. */
export interface BridgeFdb {
  readonly tunnelled: readonly FdbEntry[];
  readonly fixed: readonly PortFdbEntry[];
  /** Those, what was learned, and the ports' own addresses. */
  readonly all: readonly PortFdbEntry[];
}

export async function readBridgeFdb(bridge: number, namespace?: Namespace): Promise<BridgeFdb> {
  const entries = await dump(socketOf(namespace), listBridgeFdb(bridge), namespace);
  return {
    tunnelled: decodeAll(entries, decodeFdbEntry),
    fixed: decodeAll(entries, decodePortFdbEntry),
    all: decodeAll(entries, decodeBridgeFdbEntry),
  };
}

export async function readFdb(link: number, namespace?: Namespace): Promise<readonly FdbEntry[]> {
  return decodeAll(await dump(socketOf(namespace), listFdb(link), namespace), decodeFdbEntry);
}

/** The static ones of one port of a bridge. */
export async function readPortFdb(link: number, namespace?: Namespace): Promise<readonly PortFdbEntry[]> {
  return decodeAll(await dump(socketOf(namespace), listFdb(link), namespace), decodePortFdbEntry);
}

/** Of all ports of bridges; empty lists where the kernel's bridges have no VLANs. */
export async function readPortVlans(namespace?: Namespace): Promise<readonly PortVlans[]> {
  return decodeAll(await dump(socketOf(namespace), listPortVlans(), namespace), decodePortVlans);
}

/** Of all links. */
export async function readQdiscs(namespace?: Namespace): Promise<readonly Qdisc[]> {
  return decodeAll(await dump(socketOf(namespace), listQdiscs(), namespace), decodeQdisc);
}

/** Those on ingress of one link; none when it cannot have any. */
export async function readFilters(link: number, namespace?: Namespace): Promise<readonly Filter[]> {
  return decodeAll(await dump(socketOf(namespace), listFilters(link), namespace), decodeFilter);
}

function socketOf(namespace: Namespace | undefined): 'host' | 'namespace' {
  return namespace === undefined ? 'host' : 'namespace';
}

function decodeAll<T>(messages: readonly Uint8Array[], decode: (payload: Uint8Array) => T | undefined): T[] {
  return messages.map((message) => decode(decodeMessage(message).payload)).filter((one) => one !== undefined);
}
