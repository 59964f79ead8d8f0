// Letting packets pass between the interfaces of the host, without which no sandbox reaches anything but the host.
//
// Forwarding can be switched on for a bridge alone (net.ipv4.conf.BRIDGE.forwarding), and that lets packets out; but the
// kernel asks the interface a packet comes in by (IN_DEV_FORWARD in ip_route_input_slow, net/ipv4/route.c), so the answers,
// and connections to published ports, need it on whatever interface they come in by: that is every one, those that
// come later included. So the host's own switch is needed, as it is for every peer. IPv6 knows no other: ip6_forward in
// net/ipv6/ip6_output.c looks at net.ipv6.conf.all.forwarding (and since 6.17 at force_forwarding of the interface come in by).
import { readdir } from 'node:fs/promises';
import { NetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { readSysctl, writeSysctl } from '../../kernel/sysctl.ts';
import type { Difference } from '../../model/difference.ts';
import type { ChangedSysctl, ChangedSysctls, ForwardingNeed, HostForwarding } from '../host-forwarding.ts';
import { otherBridges } from './other-bridges.ts';

const switches = { ipv4: 'net/ipv4/ip_forward', ipv6: 'net/ipv6/conf/all/forwarding' } as const;
type Family = keyof typeof switches;
const families: readonly Family[] = ['ipv4', 'ipv6'];
const numbers = { ipv4: 4, ipv6: 6 } as const;

export interface SysctlForwardingOptions {
  readonly changed: ChangedSysctls;
  /** Told of each value that is written. */
  readonly inform: (text: string) => void;
  /** Names of bridges somebody else has networks on. */
  readonly others?: typeof otherBridges;
}

export class SysctlForwarding implements HostForwarding {
  readonly #changed: ChangedSysctls;
  readonly #inform: (text: string) => void;
  readonly #others: typeof otherBridges;
  readonly #turn = new KeyedMutex();
  /** Said already of why it stays. */
  readonly #told = new Set<string>();

  constructor({ changed, inform, others = otherBridges }: SysctlForwardingOptions) {
    this.#changed = changed;
    this.#inform = inform;
    this.#others = others;
  }

  bringAbout(need: ForwardingNeed): Promise<void> {
    return this.#turn.run({ exclusive: ['sysctls'] }, async () => {
      for (const family of families) {
        if (need[family]) await this.#switchOn(family);
        else await this.#restore(family);
      }
    });
  }

  async inspect(need: ForwardingNeed): Promise<readonly Difference[]> {
    const off: Difference[] = [];
    for (const family of families) {
      if (!need[family] || (await readSysctl(switches[family])) === '1') continue;
      const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
      off.push({ object: `host`, problem: `does not forward ${name} packets between interfaces` });
    }
    return off;
  }

  notes(): readonly Difference[] {
    const changed = Object.entries(this.#changed.read());
    const switched = changed.filter(([sysctl]) => ownerOf(sysctl) === undefined);
    const owners = changed.flatMap(([sysctl]) => ownerOf(sysctl) ?? []);
    const why = 'for as long as a network needs it';
    return [
      ...switched.map(([sysctl, { before, written }]) => ({
        object: `sysctl ${dotted(sysctl)}`,
        problem: `was ${before}, and is ${written} ${why}`,
      })),
      ...(owners.length === 0
        ? []
        : [
            {
              object: 'sysctl net.ipv6.conf.*.accept_ra',
              problem: `was 1, and is 2 ${why}: ${owners.join(', ')}`,
            },
          ]),
    ];
  }

  /** Written only where it is off: writing it again would undo what was set for single interfaces. */
  async #switchOn(family: Family): Promise<void> {
    if ((await read(switches[family])) === '1') return;
    if (family === 'ipv6') await this.#keepRouterAdvertisements();
    await this.#write(switches[family], '1', await this.#others(numbers[family]));
  }

  /**
   * A host that forwards IPv6 is a router and forgets the default routes it learned from others, unless accept_ra is 2
   * (Documentation/networking/ip-sysctl.rst).
   */
  async #keepRouterAdvertisements(): Promise<void> {
    for (const name of await readdir('/proc/sys/net/ipv6/conf')) {
      const sysctl = `net/ipv6/conf/${name}/accept_ra`;
      if (name !== 'all' && (await readIfThere(sysctl)) === '1') await this.#write(sysctl, '2');
    }
  }

  /** The value before is recorded before it is lost. One that was changed by us already keeps its first. */
  async #write(sysctl: string, written: string, beside: readonly string[] = []): Promise<void> {
    const before = await read(sysctl);
    const known = this.#changed.read();
    const change = { before, written, ...(beside.length > 0 && { beside }) };
    if (known[sysctl] === undefined) await this.#changed.write({ ...known, [sysctl]: change });
    await write(sysctl, written);
    this.#inform(`sysctl ${dotted(sysctl)} is ${written} now, was ${before}: networks need it`);
  }

  /** The switch before what goes with it: a host that forwards no longer takes router advertisements with accept_ra 1 again. */
  async #restore(family: Family): Promise<void> {
    if (await this.#isReliedOn(family)) return;
    const isOfFamily = ([sysctl]: readonly [string, ChangedSysctl]) => sysctl.startsWith(`net/${family}/`);
    const due = Object.entries(this.#changed.read()).filter(isOfFamily);
    due.sort(([a], [b]) => Number(b === switches[family]) - Number(a === switches[family]));
    for (const [sysctl, { before, written }] of due) {
      const now = await readIfThere(sysctl);
      if (now === written) {
        await write(sysctl, before);
        this.#inform(`sysctl ${dotted(sysctl)} is ${before} again: no network needs it`);
      } else if (now !== undefined && now !== before) {
        this.#inform(
          `sysctl ${dotted(sysctl)} stays ${now}, which somebody else gave it; it was ${before} before`,
        );
      }
      const { [sysctl]: _, ...others } = this.#changed.read();
      await this.#changed.write(others);
    }
  }

  /** By somebody whose bridge came when it was on. It is given back when that is gone and networks come or go again. */
  async #isReliedOn(family: Family): Promise<boolean> {
    const sysctl = switches[family];
    const change = this.#changed.read()[sysctl];
    if (change === undefined) return false;
    const bridges = await this.#others(numbers[family]);
    const newcomers = bridges.filter((bridge) => change.beside?.includes(bridge) !== true);
    if (newcomers.length === 0) return false;
    const text = `sysctl ${dotted(sysctl)} stays ${change.written}, as ${newcomers.join(', ')} may need it; it was ${change.before} before`;
    if (!this.#told.has(text)) this.#inform(text);
    this.#told.add(text);
    return true;
  }
}

/** Of `net/ipv6/conf/eth0/accept_ra` that is `eth0`, of a switch nobody. */
function ownerOf(sysctl: string): string | undefined {
  return /^net\/ipv6\/conf\/(.+)\/accept_ra$/.exec(sysctl)?.[1];
}

function dotted(sysctl: string): string {
  return sysctl.replaceAll('/', '.');
}

/** Of an interface that is gone there is none. */
async function readIfThere(sysctl: string): Promise<string | undefined> {
  try {
    return await readSysctl(sysctl);
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Errors: `unavailable`. */
async function read(sysctl: string): Promise<string> {
  try {
    return await readSysctl(sysctl);
  } catch (error) {
    throw new NetError('unavailable', `sysctl ${dotted(sysctl)} cannot be read`, { cause: error });
  }
}

/** Errors: `unavailable`. */
async function write(sysctl: string, value: string): Promise<void> {
  try {
    await writeSysctl(sysctl, value);
  } catch (error) {
    throw new NetError(
      'unavailable',
      `sysctl ${dotted(sysctl)} cannot be set to ${value}: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
}
