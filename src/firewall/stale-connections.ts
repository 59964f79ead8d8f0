// Connections that must not outlive a change of ports or allowances. The kernel keeps translating a connection as it began, and UDP has no end
// that would let it notice: a client that keeps sending from one port would reach the old place, or nothing, for ever.
import { familyOf, type IpAddress, rangeOf, toInteger } from '../base/cidr.ts';
import { toNetError } from '../base/errors.ts';
import { countConntrack, deleteConntrack, listConntrack } from '../kernel/conntrack/client.ts';
import { type ConntrackEntry, type ConntrackFilter, matches } from '../kernel/conntrack/entry.ts';
import type { PortForward } from '../model/policy.ts';
import { disallowed, type EndedAllowances } from './ended-allowances.ts';
import { protocolNumbers } from './protocol-numbers.ts';

/** What changed in a transaction. */
export interface ChangedPorts {
  readonly added: readonly PortForward[];
  readonly removed: readonly PortForward[];
  /** Former ports of endpoints that are gone: no connection to them has anybody to answer. */
  readonly gone: readonly PortForward[];
}

interface Sweep {
  /** Ends of the connections it may end. */
  readonly addresses: ReadonlySet<IpAddress>;
  readonly work: Promise<void>;
}

export class StaleConnections {
  readonly #warn: (error: Error) => void;
  readonly #underway = new Set<Sweep>();
  /** One look at the table at a time: each costs a processor milliseconds. */
  #last: Promise<void> = Promise.resolve();

  /** @param warn is told when connections could not be looked at; ports work all the same for new ones. */
  constructor(warn: (error: Error) => void) {
    this.#warn = warn;
  }

  /**
   * Ends what the change left behind; to be called when it is in force. The promise settles when clients of added ports have
   * a free way; where there are none, the work goes on in the background.
   */
  end({ added, removed, gone }: ChangedPorts, allowances?: EndedAllowances): Promise<void> {
    const published = added.filter(isDatagram).map(clientsOf);
    const filters = [
      ...published,
      ...removed.filter(isDatagram).map(usersOf),
      ...[...new Set(gone.map(({ address }) => address))].map(everythingTo),
    ];
    const looks = [...grouped(filters)].map(lookFor);
    const streams = grouped(removed.filter((one) => !isDatagram(one)).map(usersOf));
    for (const group of streams) looks.push(lookPast(lookFor(group), added));
    if (allowances !== undefined && allowances.ended.length > 0) looks.push(...looksFor(allowances));
    if (looks.length === 0) return Promise.resolve();
    const work = this.#last.then(() => this.#delete(looks));
    this.#last = work;
    const addresses = new Set([...removed, ...gone].map(({ address }) => address));
    const sweep = { addresses, work };
    this.#underway.add(sweep);
    void work.then(() => this.#underway.delete(sweep));
    return published.length > 0 ? work : Promise.resolve();
  }

  /** Settles when connections to these addresses that are made from now on are safe from what is under way. */
  async clear(forwards: readonly PortForward[]): Promise<void> {
    const sweeps = [...this.#underway].filter(({ addresses }) =>
      forwards.some(({ address }) => addresses.has(address)),
    );
    await Promise.all(sweeps.map(({ work }) => work));
  }

  /** Settles when nothing is going on in the background. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** Each entry is deleted once: a new connection of the same client may get the memory, and with it the id, of the old one. */
  async #delete(looks: readonly Look[]): Promise<void> {
    try {
      if ((await countConntrack()) === 0) return;
      const found = await Promise.all(looks.map(listMatching));
      const entries = new Map(found.flat().map((entry) => [identityOf(entry), entry]));
      await deleteConntrack([...entries.values()]);
    } catch (error) {
      this.#warn(toNetError(error));
    }
  }
}

/** One look at the table: what the kernel sorts out, and what of that is meant. */
interface Look {
  readonly filter: ConntrackFilter;
  readonly isMeant: (entry: ConntrackEntry) => boolean;
}

/** There may be thousands of filters, and of entries: those that have a port are looked up by it. */
function lookFor(filters: readonly ConntrackFilter[]): Look {
  const byPort = groupedBy(filters, ({ originalDestinationPort }) => originalDestinationPort);
  const isMeant = (entry: ConntrackEntry) =>
    [entry.original.destinationPort, undefined].some((port) =>
      byPort.get(port)?.some((filter) => matches(entry, filter)),
    );
  return { filter: commonPart(filters), isMeant };
}

/** Without connections that could be made anew, as they are: TCP has no use for another rule in the midst of one. */
function lookPast({ filter, isMeant }: Look, forwards: readonly PortForward[]): Look {
  const byPort = groupedBy(forwards, ({ hostPort }) => hostPort);
  const stays = (entry: ConntrackEntry) =>
    (byPort.get(entry.original.destinationPort ?? 0) ?? []).some(
      (forward) => matches(entry, usersOf(forward)) && isFor(forward, entry.original.source),
    );
  return { filter, isMeant: (entry) => isMeant(entry) && !stays(entry) };
}

function isFor({ from }: PortForward, asker: IpAddress): boolean {
  if (from === undefined) return true;
  const address = toInteger(asker);
  return from.map(rangeOf).some(({ first, last }) => first <= address && address <= last);
}

/** Of TCP as well: an allowance that goes, unlike a port, leaves both ends where they are. */
function looksFor(allowances: EndedAllowances): readonly Look[] {
  const families = new Set(allowances.ended.flatMap(({ from }) => from.map(familyOf)));
  const isMeant = disallowed(allowances);
  return [...families].map((family) => ({ filter: { family }, isMeant }));
}

async function listMatching({ filter, isMeant }: Look): Promise<readonly ConntrackEntry[]> {
  return (await listConntrack(filter)).filter(isMeant);
}

function identityOf({ handle }: ConntrackEntry): string {
  return Buffer.concat([handle.original, handle.id]).toString('latin1');
}

/** Without ends: a client of theirs goes on as it began. Clients of TCP begin anew by themselves. */
function isDatagram({ protocol }: PortForward): boolean {
  return protocol !== 'tcp';
}

/** Who sent to the host port, before it was published too. */
function clientsOf({ hostAddress, hostPort, protocol }: PortForward): ConntrackFilter {
  const isWildcard = hostAddress === '0.0.0.0' || hostAddress === '::';
  return {
    family: familyOf(hostAddress),
    protocol: protocolNumbers[protocol],
    originalDestinationPort: hostPort,
    ...(!isWildcard && { originalDestination: hostAddress }),
  };
}

/** Who used the port while it led to the endpoint. */
function usersOf(forward: PortForward): ConntrackFilter {
  return { ...clientsOf(forward), replySource: forward.address, replySourcePort: forward.port };
}

function everythingTo(address: IpAddress): ConntrackFilter {
  return { family: familyOf(address), replySource: address };
}

/** Filters of one family and protocol share one look at the table. */
function grouped(filters: readonly ConntrackFilter[]): Iterable<readonly ConntrackFilter[]> {
  return groupedBy(filters, ({ family, protocol }) => `${family} ${protocol}`).values();
}

function groupedBy<T, Key>(all: readonly T[], keyOf: (one: T) => Key): ReadonlyMap<Key, readonly T[]> {
  const groups = new Map<Key, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

/** What all filters ask for. */
function commonPart(filters: readonly ConntrackFilter[]): ConntrackFilter {
  const [first, ...others] = filters;
  if (first === undefined) throw new RangeError('a group has at least one filter');
  const common = Object.entries(first).filter(([field, value]) =>
    others.every((other) => other[field as keyof ConntrackFilter] === value),
  );
  return { family: first.family, ...Object.fromEntries(common) };
}
