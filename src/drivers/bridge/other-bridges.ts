// Bridges somebody else has networks on. Whoever makes one switches forwarding on where it is off, and relies on it where it is on:
// Docker, libvirt and podman do, and tell nobody.
import { addressOf, type Cidr, contains, familyOf } from '../../base/cidr.ts';
import { readAddresses, readLinks } from '../../kernel/rtnetlink/client.ts';
import { ownAlias } from './bridge-plan.ts';

const linkLocal = 'fe80::/10' as Cidr;

/** Their names. One without an address of the family that reaches beyond it is no router's. */
export async function otherBridges(family: 4 | 6): Promise<readonly string[]> {
  const [links, addresses] = await Promise.all([readLinks(), readAddresses()]);
  const routed = new Set(
    addresses
      .map(({ link, address }) => ({ link, ip: addressOf(address) }))
      .filter(({ ip }) => familyOf(ip) === family && !contains(linkLocal, ip))
      .map(({ link }) => link),
  );
  return links
    .filter(({ index, info, alias }) => {
      const isOurs = alias?.startsWith(ownAlias) === true;
      return info.kind === 'bridge' && !isOurs && routed.has(index);
    })
    .map(({ name }) => name);
}
