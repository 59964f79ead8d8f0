// A network's tunnel entries in the kernel: read, and changed in few programs.
import type { IpAddress } from '../../base/cidr.ts';
import type { MacAddress } from '../../base/mac.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { type RequestStep, runProgram } from '../../kernel/program.ts';
import { readBridgeFdb, readPermanentNeighbours, request } from '../../kernel/rtnetlink/client.ts';
import {
  addFdbEntry,
  addPortFdbEntry,
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

/** A step with the refusal that is fine. The kernel carries out the rest of a step even then. */
interface TolerantStep {
  readonly step: RequestStep;
  readonly tolerates?: 'EEXIST' | 'ENOENT';
}

/** The all-zero address stands for all that have no entry of their own. */
const allOthers = '00:00:00:00:00:00' as MacAddress;
/** Attaches wait no longer than these take, about a millisecond. */
const messagesPerProgram = 1000;

/** Every permanent neighbour is one of ours, as everything at the VXLAN. */
export async function readEntries({ bridge, vxlan }: TunnelLinks): Promise<ObservedEntries> {
  const [fdb, neighbours] = await Promise.all([readBridgeFdb(bridge), readPermanentNeighbours(bridge)]);
  const destinations = new Map<MacAddress, IpAddress[]>();
  for (const { link, mac, destination } of fdb.tunnelled) {
    if (link !== vxlan) continue;
    const there = destinations.get(mac);
    if (there === undefined) destinations.set(mac, [destination]);
    else there.push(destination);
  }
  const floods = new Set(destinations.get(allOthers));
  destinations.delete(allOthers);
  return {
    destinations,
    neighbours: new Map(neighbours.map(({ address, mac }) => [address, mac])),
    floods,
    atTunnel: new Set(fdb.fixed.filter(({ link }) => link === vxlan).map(({ mac }) => mac)),
    elsewhere: new Set(fdb.all.filter(({ link }) => link !== vxlan).map(({ mac }) => mac)),
  };
}

/**
 * New entries are there from the way to the question for it, old ones go in the opposite order. Absent is fine, and what an endpoint
 * of this host has stays with it.
 */
export async function changeEntries(links: TunnelLinks, change: EntryChange): Promise<void> {
  const steps = plan(links, change);
  const total = steps.reduce((sum, { step }) => sum + step.acks, 0);
  if (total <= messagesPerProgram) return run(steps);
  for (const step of steps) await run([step]);
}

function plan({ bridge, vxlan }: TunnelLinks, change: EntryChange): readonly TolerantStep[] {
  const { destinations, floods, atTunnel, neighbours, gone } = change;
  const put = [
    ...destinations.map(([mac, destination]) => setFdbEntry({ link: vxlan, mac, destination })),
    ...floods.map((destination) => addFdbEntry({ link: vxlan, mac: allOthers, destination })),
  ];
  const leave = [
    ...gone.neighbours.map((address) => removeNeighbour({ link: bridge, address })),
    ...gone.atTunnel.map((mac) => removePortFdbEntry({ link: vxlan, mac })),
    ...gone.floods.map((destination) => removeFdbEntry({ link: vxlan, mac: allOthers, destination })),
    ...gone.destinations.map(([mac, destination]) => removeFdbEntry({ link: vxlan, mac, destination })),
  ];
  return [
    ...inSteps(put),
    ...inSteps(
      atTunnel.map((mac) => addPortFdbEntry({ link: vxlan, mac })),
      'EEXIST',
    ),
    ...inSteps(neighbours.map(([address, mac]) => setNeighbour({ link: bridge, address, mac }))),
    ...inSteps(leave, 'ENOENT'),
  ];
}

function inSteps(
  messages: readonly Uint8Array[],
  tolerates?: TolerantStep['tolerates'],
): readonly TolerantStep[] {
  const steps: TolerantStep[] = [];
  for (let start = 0; start < messages.length; start += messagesPerProgram) {
    const step = request('host', ...messages.slice(start, start + messagesPerProgram));
    steps.push({ step, ...(tolerates !== undefined && { tolerates }) });
  }
  return steps;
}

/** Goes on after a step whose refusal is fine. */
async function run(steps: readonly TolerantStep[]): Promise<void> {
  if (steps.length === 0) return;
  try {
    await runProgram(steps.map(({ step }) => step));
  } catch (error) {
    if (!(error instanceof NetlinkError) || steps[error.step]?.tolerates !== error.code) throw error;
    await run(steps.slice(error.step + 1));
  }
}
