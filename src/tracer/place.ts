// A namespace as a trace sees it: its links, addresses, settings and rules, each read once, when it is first needed.
import {
  addressOf,
  contains,
  familyOf,
  type IpAddress,
  type IpFamily,
  rangeOf,
  subnetOf,
  toInteger,
} from '../base/cidr.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Namespace } from '../kernel/netns.ts';
import type { Element } from '../kernel/nftables/element.ts';
import { type AnyFamily, readRuleset, type WholeRuleset } from '../kernel/nftables/whole-ruleset.ts';
import { readNetText } from '../kernel/program.ts';
import type { LinkAddress } from '../kernel/rtnetlink/address.ts';
import { readAddresses, readLinks } from '../kernel/rtnetlink/client.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_UNICAST } from '../kernel/rtnetlink/constants.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { type FoundRoute, lookUpRoute, type RoutedPacket } from '../kernel/rtnetlink/route-lookup.ts';
import { readSysctl } from '../kernel/sysctl.ts';
import type { SaveLegacy } from './save-legacy.ts';

const RTN_MULTICAST = 5;

export class Place {
  /** `host`, or the sandbox's name. */
  readonly name: string;
  readonly links: readonly Link[];
  readonly #namespace: Namespace | undefined;
  readonly #addresses: readonly LinkAddress[];
  readonly #legacy: SaveLegacy | undefined;
  readonly #elements = new Map<string, Promise<readonly Element[]>>();
  #ruleset: Promise<WholeRuleset> | undefined;

  private constructor(
    name: string,
    namespace: Namespace | undefined,
    contents: {
      readonly links: readonly Link[];
      readonly addresses: readonly LinkAddress[];
      readonly legacy: SaveLegacy | undefined;
    },
  ) {
    this.name = name;
    this.#namespace = namespace;
    this.links = contents.links;
    this.#addresses = contents.addresses;
    this.#legacy = contents.legacy;
  }

  static async host(legacy?: SaveLegacy): Promise<Place> {
    return Place.#read('host', undefined, legacy);
  }

  /** @param namespace stays open as long as the place is used. */
  static sandbox(name: string, namespace: Namespace): Promise<Place> {
    return Place.#read(name, namespace, undefined);
  }

  static async #read(name: string, namespace?: Namespace, legacy?: SaveLegacy): Promise<Place> {
    const [links, addresses] = await Promise.all([readLinks(namespace), readAddresses(undefined, namespace)]);
    return new Place(name, namespace, { links, addresses, legacy });
  }

  get isHost(): boolean {
    return this.#namespace === undefined;
  }

  link(index: number | undefined): Link | undefined {
    return this.links.find((link) => link.index === index);
  }

  named(ifname: string): Link | undefined {
    return this.links.find(({ name }) => name === ifname);
  }

  hasAddress(address: IpAddress, link?: Link): boolean {
    return this.#addresses.some(
      (one) => addressOf(one.address) === address && (link === undefined || one.link === link.index),
    );
  }

  /** The first a link has of a family, link-local ones last. */
  addressOn(link: Link, family: 4 | 6): IpAddress | undefined {
    const all = this.#addresses
      .filter((one) => one.link === link.index && familyOf(one.address) === family)
      .map(({ address }) => addressOf(address));
    return all.find((address) => !address.startsWith('fe80:')) ?? all[0];
  }

  subnetsOn(link: Link) {
    return this.#addresses.filter((one) => one.link === link.index).map(({ address }) => subnetOf(address));
  }

  addressType(address: IpAddress): number {
    if (address === '::1' || address.startsWith('127.') || this.hasAddress(address)) return RTN_LOCAL;
    const value = toInteger(address);
    if (familyOf(address) === 6) return address.startsWith('ff') ? RTN_MULTICAST : RTN_UNICAST;
    if (value >> 28n === 0xen) return RTN_MULTICAST;
    const isLast = this.#addresses.some(({ address: one }) => {
      const subnet = subnetOf(one);
      return contains(subnet, address) && rangeOf(subnet).last === value && !subnet.endsWith('/32');
    });
    return isLast || value === 0xffffffffn ? RTN_BROADCAST : RTN_UNICAST;
  }

  route(packet: RoutedPacket): Promise<FoundRoute | string> {
    return lookUpRoute(packet, this.#namespace);
  }

  /** Undefined when the kernel has no such setting. */
  async sysctl(path: string): Promise<string | undefined> {
    try {
      return await readSysctl(path, this.#namespace);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A file of /proc/net; empty when the kernel has none. */
  async netFile(name: string): Promise<string> {
    try {
      return await readNetText(name, this.#namespace);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT') return '';
      throw error;
    }
  }

  /** What iptables-legacy-save prints; undefined where nobody can tell. */
  async legacyRules(family: IpFamily): Promise<string | undefined> {
    return this.#legacy?.(family);
  }

  ruleset(): Promise<WholeRuleset> {
    this.#ruleset ??= readRuleset(this.#namespace);
    return this.#ruleset;
  }

  async elements(family: AnyFamily, table: string, set: string): Promise<readonly Element[]> {
    const key = `${family} ${table} ${set}`;
    const known = this.#elements.get(key);
    if (known !== undefined) return known;
    const reading = this.ruleset().then((ruleset) => ruleset.elements(family, table, set));
    this.#elements.set(key, reading);
    return reading;
  }
}
