// A network's tunnel entries in the kernel: read, and changed in few programs.
import type { MacAddress } from '../../base/mac.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { runProgram } from '../../kernel/program.ts';
import { readBridgeFdb, readPermanentNeighbours, request } from '../../kernel/rtnetlink/client.ts';
import {
  addFdbEntry,
  addPortFdbEntry,
  type FdbEntry,
  removeFdbEntry,
  removeNeighbour,
  removePortFdbEntry,
  setFdbEntry,
  setNeighbour,
} from '../../kernel/rtnetlink/neighbour.ts';
import type { EntryChange, ObservedEntries } from './tunnel-entries.ts';

/** The links entries are of, by index. */
export interface TunnelLinks {
  readonly bridge: number;
  readonly vxlan: number;
}

/** Messages of one kind, made when they are sent, with the refusal of one that is fine. */
interface Batch {
  readonly messages: readonly (() => Uint8Array)[];
  readonly tolerates?: 'EEXIST' | 'ENOENT';
}

/** The all-zero address stands for all that have no entry of their own. */
const allOthers = '00:00:00:00:00:00' as MacAddress;
/** Neither the thread nor the event loop is held up longer than these take, a few milliseconds. */
const messagesPerProgram = 1000;

/** Every permanent neighbour is one of ours, as everything at the VXLAN. */
export async function readEntries({ bridge, vxlan }: TunnelLinks): Promise<ObservedEntries> {
  const [fdb, neighbours] = await Promise.all([readBridgeFdb(bridge), readPermanentNeighbours(bridge)]);
  const tunnelled = fdb.tunnelled.filter(({ link }) => link === vxlan);
  const isFlood = ({ mac }: FdbEntry) => mac === allOthers;
  const single = tunnelled.filter((entry) => !isFlood(entry));
  return {
    destinations: new Map(single.map(({ mac, destination }) => [mac, destination])),
    neighbours: new Map(neighbours.map(({ address, mac }) => [address, mac])),
    floods: new Set(tunnelled.filter(isFlood).map(({ destination }) => destination)),
    atTunnel: new Set(fdb.fixed.filter(({ link }) => link === vxlan).map(({ mac }) => mac)),
    elsewhere: new Set(fdb.all.filter(({ link }) => link !== vxlan).map(({ mac }) => mac)),
  };
}

/**
 * New entries are there from the way to the question for it, old ones go in the opposite order. Absent is fine, and what an endpoint
 * of this host has stays with it.
 */
export async function changeEntries(links: TunnelLinks, change: EntryChange): Promise<void> {
  const batches = inBatches(links, change).filter(({ messages }) => messages.length > 0);
  const total = batches.reduce((sum, { messages }) => sum + messages.length, 0);
  if (total <= messagesPerProgram) return run(batches);
  for (const { messages, ...rest } of batches) {
    for (let start = 0; start < messages.length; start += messagesPerProgram) {
      await run([{ ...rest, messages: messages.slice(start, start + messagesPerProgram) }]);
    }
  }
}

function inBatches({ bridge, vxlan }: TunnelLinks, change: EntryChange): readonly Batch[] {
  const { destinations, floods, atTunnel, neighbours, gone } = change;
  const put = [
    ...destinations.map(
      ([mac, destination]) =>
        () =>
          setFdbEntry({ link: vxlan, mac, destination }),
    ),
    ...floods.map((destination) => () => addFdbEntry({ link: vxlan, mac: allOthers, destination })),
  ];
  const known = neighbours.map(
    ([address, mac]) =>
      () =>
        setNeighbour({ link: bridge, address, mac }),
  );
  const leave = [
    ...gone.neighbours.map((address) => () => removeNeighbour({ link: bridge, address })),
    ...gone.atTunnel.map((mac) => () => removePortFdbEntry({ link: vxlan, mac })),
    ...gone.floods.map((destination) => () => removeFdbEntry({ link: vxlan, mac: allOthers, destination })),
    ...gone.destinations.map((mac) => () => removeFdbEntry({ link: vxlan, mac })),
  ];
  const expected = atTunnel.map((mac) => () => addPortFdbEntry({ link: vxlan, mac }));
  return [
    { messages: put },
    { messages: expected, tolerates: 'EEXIST' },
    { messages: known },
    { messages: leave, tolerates: 'ENOENT' },
  ];
}

/** Goes on after a batch of which a refusal is fine: the kernel carried out the rest of it. */
async function run(batches: readonly Batch[]): Promise<void> {
  if (batches.length === 0) return;
  try {
    await runProgram(batches.map(({ messages }) => request('host', ...messages.map((encode) => encode()))));
  } catch (error) {
    if (!(error instanceof NetlinkError) || batches[error.step]?.tolerates !== error.code) throw error;
    await run(batches.slice(error.step + 1));
  }
}
