// `net check` across hosts: whether those with endpoints on the same networks answer through the tunnels, and whether long packets
// and such with checksums get there.
import type { IpAddress } from '../base/cidr.ts';
import type { Difference } from '../model/difference.ts';
import type { Network } from '../model/network.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import {
  answeringTarget,
  carriesWhole,
  checksumsArrive,
  type TunnelWay,
  tunnelWays,
  unlessGone,
} from './tunnel-way.ts';

/** So many ways are tried, and so many at once. */
const mostWays = 64;
const atOnce = 4;

const defaultVtepPort = '4789';

/** What was found of one way. */
interface Trial {
  readonly way: TunnelWay;
  readonly answering: IpAddress | undefined;
  readonly whole: boolean;
  readonly checksums: boolean;
}

/** Takes seconds where hosts do not answer: to be called without locks. With `fix`, mends what this host can mend. */
export async function probeTunnels(
  parts: Parts,
  options: { readonly fix: boolean },
): Promise<readonly Difference[]> {
  if (parts.cluster.view().state === 'fenced') return [closed];
  const networks = [...parts.store.state.networks.values()].filter(({ shared }) => shared === true);
  const ways = networks.flatMap((network) => tunnelWays(parts, network));
  const trials = await tryAll(parts, ways.slice(0, mostWays));
  const notes = trials.flatMap((trial) => faults(trial));
  for (const network of networks) {
    const own = trials.filter(({ way }) => way.network.id === network.id);
    notes.push(...(await checksumFaults(parts, own, options)));
  }
  return ways.length <= mostWays ? notes : [...notes, untried(ways.length)];
}

/** `host h2 (10.99.0.2)`. */
export function hostText({ host }: Pick<TunnelWay, 'host'>): string {
  return `host ${host.name} (${host.address})`;
}

export function silenceText(way: TunnelWay): string {
  const port = way.network.options['vtep_port'] ?? defaultVtepPort;
  return `${hostText(way)} does not answer through the tunnel: is UDP port ${port} blocked?`;
}

/** What is not answered by anybody may have been lost to wrong checksums; whoever is asked may have firewalls, but all have not. */
export function suspectsChecksums(trials: readonly Pick<Trial, 'answering' | 'checksums'>[]): boolean {
  const answered = trials.filter(({ answering }) => answering !== undefined);
  return answered.length > 0 && answered.every(({ checksums }) => !checksums);
}

/**
 * Has the kernel compute the checksums on a network from now on, if that is what helps.
 * @param again whether they arrive now.
 */
export async function mendChecksums(
  parts: Parts,
  network: Network,
  again: () => Promise<boolean>,
): Promise<boolean> {
  const { tunnels } = driverOf(parts, network);
  if (tunnels === undefined) return false;
  await tunnels.avoidChecksumOffload(network, true);
  if (await again()) return true;
  await tunnels.avoidChecksumOffload(network, false);
  return false;
}

export const checksumsMended =
  'a network card spoils checksums of packets in the tunnel: the kernel computes them from now on, which costs throughput';

const closed: Difference = {
  object: 'tunnels to other hosts',
  problem:
    'are closed: the cluster could not be reached for so long that others may have been given addresses of this host',
};

function untried(count: number): Difference {
  return { object: 'tunnels to other hosts', problem: `${mostWays} of ${count} were tried` };
}

async function tryAll(parts: Parts, ways: readonly TunnelWay[]): Promise<readonly Trial[]> {
  const trials: (Trial | undefined)[] = [];
  const waiting = ways.entries();
  const work = async () => {
    for (const [index, way] of waiting) trials[index] = await unlessGone(tryOne(parts, way));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return trials.filter((trial) => trial !== undefined);
}

async function tryOne(parts: Parts, way: TunnelWay): Promise<Trial> {
  const answering = await answeringTarget(parts, way);
  if (answering === undefined) return { way, answering, whole: false, checksums: false };
  const whole = await carriesWhole(parts, way, answering);
  return { way, answering, whole, checksums: await checksumsArrive(parts, way, answering) };
}

function faults({ way, answering, whole }: Trial): readonly Difference[] {
  const object = `network ${way.network.name}`;
  if (answering === undefined) return [{ object, problem: silenceText(way) }];
  if (whole) return [];
  const problem = `packets of ${way.mtuBytes} bytes do not get through the tunnel to ${hostText(way)}, short ones do: a link between the hosts carries less; a network made with a smaller -o mtu fits`;
  return [{ object, problem }];
}

async function checksumFaults(
  parts: Parts,
  trials: readonly Trial[],
  { fix }: { readonly fix: boolean },
): Promise<readonly Difference[]> {
  const [first] = trials.filter(({ answering }) => answering !== undefined);
  if (first?.answering === undefined || !suspectsChecksums(trials)) return [];
  const { way, answering } = first;
  const object = `network ${way.network.name}`;
  const silent = `TCP gets no answer through the tunnel to ${hostText(way)}, echo requests do`;
  if (!fix) {
    return [
      { object, problem: `${silent}; "net check --fix" tries whether a network card spoils checksums` },
    ];
  }
  const mended = await mendChecksums(
    parts,
    way.network,
    async () => (await unlessGone(checksumsArrive(parts, way, answering))) === true,
  );
  return [{ object, problem: mended ? checksumsMended : `${silent}: a firewall in the sandboxes there?` }];
}
