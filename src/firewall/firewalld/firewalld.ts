// firewalld's own objects, by its D-Bus interface (man 5 firewalld.dbus): a zone for networks' bridges, and policies for what is
// forwarded from and to it.
import { Bus, type BusOptions } from './bus.ts';
import type { BusValue } from './bus-values.ts';

export const zoneName = 'fairlead';

const service = 'org.fedoraproject.FirewallD1';
const runtime = '/org/fedoraproject/FirewallD1';
const permanent = `${runtime}/config`;

type Settings = Readonly<Record<string, string | boolean | readonly string[]>>;

/** What sandboxes ask of the host besides is refused unless an administrator adds it to the zone. */
const zone: Settings = {
  short: 'Fairlead',
  description: 'Bridges of Fairlead networks. netd puts them here and takes them away.',
  target: 'default',
  services: ['dns'],
};

/** Our own table decides about what networks forward in any case. */
const policies: Readonly<Record<string, Settings>> = {
  'fairlead-out': policy('What Fairlead networks send to others.', [zoneName], ['ANY']),
  'fairlead-in': policy('What others send to Fairlead networks.', ['ANY'], [zoneName]),
};

export class Firewalld {
  readonly #bus: Bus;

  private constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Errors: those of `Bus.open`. */
  static async open(options: BusOptions): Promise<Firewalld> {
    return new Firewalld(await Bus.open(options));
  }

  /** False where it is away and its rules stay. */
  async isThere(): Promise<boolean> {
    const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' };
    const call = { ...bus, interface: 'org.freedesktop.DBus', member: 'NameHasOwner' };
    const [owned] = await this.#bus.call({ ...call, signature: 's', body: [service] });
    return owned === true;
  }

  async hasZone(): Promise<boolean> {
    const zones = await this.#names('zone', 'getZones');
    const known = await this.#names('policy', 'getPolicies');
    return zones.includes(zoneName) && Object.keys(policies).every((name) => known.includes(name));
  }

  /**
   * A zone can only be made in the permanent configuration, and is there after a reload, which ends what others changed for the
   * moment only. Done once in the life of a host.
   */
  async makeZone(): Promise<void> {
    const zones = await this.#names('config', 'getZoneNames');
    if (!zones.includes(zoneName)) await this.#make('addZone2', zoneName, zone);
    const known = await this.#names('config', 'getPolicyNames');
    for (const [name, settings] of Object.entries(policies)) {
      if (!known.includes(name)) await this.#make('addPolicy', name, settings);
    }
    await this.#bus.call({ destination: service, path: runtime, interface: service, member: 'reload' });
  }

  /** Of the zone; a name that ends in `+` stands for all that begin so. */
  interfaces(): Promise<readonly string[]> {
    return this.#names('zone', 'getInterfaces', zoneName);
  }

  /** Takes it out of the zone it may be in. */
  async addInterface(ifname: string): Promise<void> {
    await this.#call('zone', 'changeZoneOfInterface', 'ss', [zoneName, ifname]);
  }

  async removeInterface(ifname: string): Promise<void> {
    await this.#call('zone', 'removeInterface', 'ss', [zoneName, ifname]);
  }

  close(): void {
    this.#bus.close();
  }

  async #names(part: 'zone' | 'policy' | 'config', member: string, ...words: readonly string[]) {
    const [names] = await this.#call(part, member, 's'.repeat(words.length), words);
    return (Array.isArray(names) ? names : []).map(String);
  }

  async #make(member: string, name: string, settings: Settings): Promise<void> {
    const entries = Object.entries(settings).map(([key, value]): BusValue => {
      const signature = typeof value === 'string' ? 's' : typeof value === 'boolean' ? 'b' : 'as';
      return [key, { signature, value }];
    });
    await this.#call('config', member, 'sa{sv}', [name, entries]);
  }

  #call(part: string, member: string, signature: string, body: readonly BusValue[]) {
    const path = part === 'config' ? permanent : runtime;
    return this.#bus.call({
      destination: service,
      path,
      interface: `${service}.${part}`,
      member,
      signature,
      body,
    });
  }
}

function policy(description: string, from: readonly string[], to: readonly string[]): Settings {
  return { description, target: 'ACCEPT', ingress_zones: from, egress_zones: to };
}
