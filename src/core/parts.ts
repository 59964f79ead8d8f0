// The parts the core works with, behind their contracts. Put together in src/bin.
import type { Log } from '../base/log.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { NameService } from '../dns/name-service.ts';
import type { Driver } from '../drivers/driver.ts';
import type { HostForwarding } from '../drivers/host-forwarding.ts';
import type { Firewall } from '../firewall/firewall.ts';
import type { HostPorts } from '../firewall/host-ports.ts';
import type { Passage } from '../firewall/passage.ts';
import type { IpamDriver } from '../ipam/ipam-driver.ts';
import type { LinkWatcher, ProcessWatcher, Sandboxes, SandboxFiles } from '../sandbox/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Prober } from '../tracer/prober.ts';
import type { Tracer } from '../tracer/tracer.ts';
import type { ContainerEngine } from './container-engine.ts';
import type { EventBus } from './events.ts';
import type { Lingering } from './lingering.ts';
import type { PresentNetworks } from './present-networks.ts';

export interface Parts {
  readonly store: Store;
  readonly cluster: Cluster;
  readonly ipams: ReadonlyMap<string, IpamDriver>;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly forwarding: HostForwarding;
  readonly firewall: Firewall;
  readonly passage: Passage;
  readonly hostPorts: HostPorts;
  readonly sandboxes: Sandboxes;
  readonly files: SandboxFiles;
  readonly processes: ProcessWatcher;
  readonly links: LinkWatcher;
  readonly names: NameService;
  readonly containers: ContainerEngine;
  readonly tracer: Tracer;
  readonly prober: Prober;
  readonly events: EventBus;
  readonly lingering: Lingering;
  readonly present: PresentNetworks;
  readonly log: Log;
  /** Contents of /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}
