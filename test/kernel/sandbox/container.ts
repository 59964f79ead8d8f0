// A container engine's part: a namespace of its own, into which it takes what was offered to it.
import { writeFileSync } from 'node:fs';
import type { Attachment } from '../../../src/model/attachment.ts';
import { run, succeeds } from '../../support/own-network.ts';

/** Makes a namespace as an engine does, by mounting it on a file. */
export function startContainer(path: string): void {
  writeFileSync(path, '');
  run(`unshare --net=${path} true`);
}

/** Takes the namespace away, and with it what is left in it. Lazily, as engines do: somebody may be looking into it. */
export function stopContainer(path: string): void {
  succeeds(`umount --lazy ${path}`);
}

/** Moves the interface into the container under another name. */
export function take({ ifname }: Attachment, path: string, name = 'eth0'): void {
  run(`ip link set ${ifname} netns ${path}`);
  run(`ip link set ${ifname} name ${name}`, path);
}

/** Gives it its addresses and brings it up. An engine switches IPv6 off where a container has no such address. */
export function configure({ addresses }: Attachment, path: string, name = 'eth0'): void {
  const off = addresses.some((address) => address.includes(':')) ? 0 : 1;
  run(`sysctl -qw net/ipv6/conf/${name}/disable_ipv6=${off}`, path);
  for (const address of addresses) {
    run(`ip address add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`, path);
  }
  run(`ip link set ${name} up`, path);
}
