// What every part of the shared cluster works with.
import type { Log } from '../../base/log.ts';
import type { ClusterHost } from '../../model/peer.ts';
import type { Clock } from '../clock.ts';
import type { Layout } from './layout.ts';
import type { ObservedStore } from './observed-store.ts';

export interface Site {
  readonly store: ObservedStore;
  readonly clock: Clock;
  readonly layout: Layout;
  /** This one. */
  readonly host: ClusterHost;
  readonly log: Log;
}
