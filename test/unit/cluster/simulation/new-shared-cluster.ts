// The cluster under test on a simulated host.
import type { Log } from '../../../../src/base/log.ts';
import type { Cluster } from '../../../../src/cluster/cluster.ts';
import { SharedCluster } from '../../../../src/cluster/shared/shared-cluster.ts';
import type { ClusterParts } from '../../../support/simulated-host.ts';
import { graceSeconds, leaseSeconds } from './schedule.ts';
import { prefix } from './world.ts';

export function newSharedCluster(parts: ClusterParts, note: (line: string) => void): Cluster {
  const times = {
    leaseSeconds: { value: leaseSeconds, given: true },
    graceSeconds: { value: graceSeconds, given: true },
  };
  return new SharedCluster({ ...parts, ...times, prefix, log: noted(note) });
}

function noted(note: (line: string) => void): Log {
  const line = (level: string) => (fields: unknown, message?: string) => {
    note(`${level}: ${message ?? ''} ${JSON.stringify(fields)}`);
  };
  const levels = ['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, line(level)]);
  return Object.fromEntries(levels) as unknown as Log;
}
