// What the doors tell of names: samples with every field there is, and counts of a resolver nobody asked.
import type { IpAddress } from '../../src/base/cidr.ts';
import type { NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { NameLookup } from '../../src/model/name-lookup.ts';
import type { NameStatistics, NameStatisticsView } from '../../src/model/name-statistics.ts';
import type { VisibleName } from '../../src/model/visible-name.ts';

const lab = { networkId: 'a1'.repeat(32) as NetworkId, networkName: 'lab' };
const web = { sandboxId: 'b2'.repeat(32) as SandboxId, sandboxName: 'web' };
const db = { sandboxId: 'c3'.repeat(32) as SandboxId, sandboxName: 'db' };

export const noNameStatistics: NameStatistics & NameStatisticsView = {
  askers: [],
  networks: [],
  upstreams: [],
  cache: { entries: 0, bytes: 0, hits: 0, stale: 0 },
  malformed: 0,
  overflowed: 0,
  connections: 0,
};

export const sampleStatistics: NameStatisticsView = {
  askers: [
    {
      ...web,
      questions: 28,
      answered: 1,
      noData: 2,
      noName: 3,
      cached: 4,
      forwarded: 5,
      failed: 6,
      refused: 7,
    },
  ],
  networks: [{ ...lab, answered: 8 }],
  upstreams: [
    { address: '192.0.2.53', asked: 11, replied: 9, failed: 2, rttMs: 12.5, isFailing: false },
    { address: '2001:db8::53', ...web, asked: 3, replied: 0, failed: 3, isFailing: true },
  ],
  cache: { entries: 12, bytes: 1300, hits: 14, stale: 1 },
  malformed: 15,
  overflowed: 16,
  connections: 17,
};

export const sampleLookup: NameLookup = {
  status: 'NOERROR',
  records: ['web. 5 IN A 10.209.3.2', 'web. 5 IN A 10.209.3.3'],
  source: { kind: 'networks', networks: ['lab'] },
};

export const sampleNames: readonly VisibleName[] = [
  {
    ...lab,
    ...web,
    name: 'web',
    kind: 'name',
    addresses: ['10.209.3.2', 'fd00::2'] as IpAddress[],
    alsoClaimedBy: ['db'],
    isHidden: false,
  },
  {
    ...lab,
    ...db,
    name: 'store',
    kind: 'alias',
    addresses: ['10.209.3.3'] as IpAddress[],
    alsoClaimedBy: [],
    isHidden: true,
  },
  { ...db, name: 'peer', kind: 'link', addresses: [], alsoClaimedBy: [], isHidden: false },
];
