// A wire between the hosts of a cluster, with the faults a test gives it, as the core gets to know of them: by probes.
import type { IpAddress } from '../../src/base/cidr.ts';
import type { Driver, Tunnels } from '../../src/drivers/driver.ts';
import type { DriverName } from '../../src/model/network.ts';
import type { Probe, ProbeOutcome, Prober } from '../../src/tracer/prober.ts';
import { type FakeParts, fakeParts } from './fake-parts.ts';

export class FaultyWire implements Prober {
  /** Endpoints whose hosts are not reached. */
  readonly silent = new Set<string>();
  /** Endpoints that take no connections. */
  readonly firewalled = new Set<string>();
  carriesBytes = 1500;
  /** The network card of this host computes wrong checksums. */
  spoilsChecksums = false;
  /** Networks, by name, on which the kernel computes them. */
  readonly avoided = new Set<string>();
  readonly asked: IpAddress[] = [];

  /** Parts of a host on this wire. */
  parts(): FakeParts {
    const parts = fakeParts();
    const overlay = parts.drivers.get('overlay');
    if (overlay?.tunnels === undefined) throw new Error('no overlay driver');
    const tunnels: Tunnels = {
      ...overlay.tunnels,
      avoidChecksumOffload: async ({ name }, avoid) => {
        if (avoid) this.avoided.add(name);
        else this.avoided.delete(name);
      },
    };
    const drivers = new Map<DriverName, Driver>(parts.drivers as ReadonlyMap<DriverName, Driver>);
    return { ...parts, drivers: drivers.set('overlay', { ...overlay, tunnels }), prober: this };
  }

  async listen(): Promise<undefined> {}

  async attempt({ to, protocol, sizeBytes = 64 }: Probe): Promise<ProbeOutcome> {
    this.asked.push(to);
    const isLost =
      this.silent.has(to) ||
      sizeBytes > this.carriesBytes ||
      (protocol !== 'icmp' && (this.firewalled.has(to) || (this.spoilsChecksums && this.avoided.size === 0)));
    if (isLost) return { answered: false, text: 'is not answered' };
    return protocol === 'icmp'
      ? { answered: true, text: 'is answered' }
      : { answered: false, refused: true, text: 'is refused' };
  }
}
