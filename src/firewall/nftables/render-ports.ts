// From published ports to elements of sets and maps. Pure.
import { type Cidr, familyBits, familyOf, toBytes } from '../../base/cidr.ts';
import type { PortForward } from '../../model/policy.ts';
import { RangeCache, wholeFamily } from './address-ranges.ts';
import { destinationBytes, type KeyRange, type NumberRange, protocolRange, rangeBytes } from './key.ts';
import {
  addressPortsMap,
  loopbackPorts,
  loopbackRanges,
  masqueradedRangesSet,
  masqueradedSet,
  openPortsSet,
  openRangesSet,
  portsMap,
  rangesMap,
  restrictedPortsMap,
} from './layout.ts';
import type { PortRun } from './port-runs.ts';
import type { SetElement } from './render.ts';

/** A single port for everybody is an element of a hash table, all else of interval sets. */
export function renderRuns(runs: readonly PortRun[]): readonly SetElement[] {
  const cache = new RangeCache();
  return runs.flatMap((run) => renderRun(run, cache));
}

function renderRun(run: PortRun, cache: RangeCache): readonly SetElement[] {
  const { first, size } = run;
  if (isOpened(first)) return opened(run, cache);
  return [
    ...(size === 1 && first.from === undefined ? [translated(first)] : translatedFor(run, cache)),
    ...(isLoopback(first) ? [loopback(run, cache)] : []),
    ...(first.keepSource ? [] : [masqueraded(run, cache)]),
  ];
}

function opened(run: PortRun, cache: RangeCache): readonly SetElement[] {
  const { first, size } = run;
  const family = familyOf(first.address);
  if (size === 1 && first.from === undefined) return [{ set: openPortsSet(family), key: endOf(first) }];
  return connections(run, cache).map((keys) => ({ set: openRangesSet(family), ...keys }));
}

function translated({ hostAddress, hostPort, protocol, address, port }: PortForward): SetElement {
  const family = familyOf(address);
  const data = destinationBytes({ address, port });
  if (isWildcard({ hostAddress })) {
    return { set: portsMap(family), key: destinationBytes({ protocol, port: hostPort }), data };
  }
  const key = destinationBytes({ address: hostAddress, protocol, port: hostPort });
  return { set: addressPortsMap(family), key, data };
}

function translatedFor(run: PortRun, cache: RangeCache): readonly SetElement[] {
  const { address, hostPort, port } = run.first;
  const family = familyOf(address);
  const lead =
    hostPort === port
      ? { set: rangesMap(family), data: toBytes(address) }
      : { set: restrictedPortsMap(family), data: destinationBytes({ address, port }) };
  return connections(run, cache).map((keys) => ({ ...lead, ...keys }));
}

/** One for each range of askers. */
function connections(run: PortRun, cache: RangeCache): readonly KeyRange[] {
  const { hostAddress, protocol, from, address } = run.first;
  const askers = cache.rangesOf(from ?? [wholeFamily[familyOf(address)]]);
  const asked = cache.rangesOf(hostSubnet(hostAddress));
  return askers.map((asker) => rangeBytes([asker, ...asked], protocolRange(protocol), portsOf(run)));
}

function loopback(run: PortRun, cache: RangeCache): SetElement {
  const { hostAddress, protocol, hostPort } = run.first;
  if (run.size === 1) {
    return { set: loopbackPorts, key: destinationBytes({ address: hostAddress, protocol, port: hostPort }) };
  }
  return { set: loopbackRanges, ...hostEnd(run, cache) };
}

function masqueraded(run: PortRun, cache: RangeCache): SetElement {
  const family = familyOf(run.first.address);
  if (run.size === 1) return { set: masqueradedSet(family), key: endOf(run.first) };
  return { set: masqueradedRangesSet(family), ...hostEnd(run, cache) };
}

function hostEnd(run: PortRun, cache: RangeCache): KeyRange {
  const { hostAddress, protocol } = run.first;
  return rangeBytes(cache.rangesOf(hostSubnet(hostAddress)), protocolRange(protocol), portsOf(run));
}

function endOf({ address, protocol, port }: PortForward): Uint8Array {
  return destinationBytes({ address, protocol, port });
}

function portsOf({ first, size }: PortRun): NumberRange {
  return { first: first.hostPort, last: first.hostPort + size - 1 };
}

function hostSubnet(hostAddress: PortForward['hostAddress']): readonly [Cidr] {
  const family = familyOf(hostAddress);
  return [
    isWildcard({ hostAddress }) ? wholeFamily[family] : (`${hostAddress}/${familyBits(family)}` as Cidr),
  ];
}

function isOpened({ hostAddress, hostPort, address, port }: PortForward): boolean {
  return hostAddress === address && hostPort === port;
}

function isWildcard({ hostAddress }: Pick<PortForward, 'hostAddress'>): boolean {
  return hostAddress === '0.0.0.0' || hostAddress === '::';
}

function isLoopback({ hostAddress }: PortForward): boolean {
  return hostAddress.startsWith('127.');
}
