// Tables of iptables' older kernel interface: whether there are any, which nf_tables does not show.
import type { HookChain, HookRequest } from './hooks.ts';
import { familyOfPacket } from './packet.ts';

/** Which tables have chains at a hook (net/ipv4/netfilter/iptable_*.c), with their priorities. */
const tables = {
  raw: { hooks: ['prerouting', 'output'], priority: -300 },
  mangle: { hooks: ['prerouting', 'input', 'forward', 'output', 'postrouting'], priority: -150 },
  nat: { hooks: ['prerouting', 'input', 'output', 'postrouting'], priority: -100 },
  filter: { hooks: ['input', 'forward', 'output'], priority: 0 },
} as const;

export async function readLegacyHook({ place, packet }: HookRequest): Promise<readonly HookChain[]> {
  const file = familyOfPacket(packet) === 4 ? 'ip_tables_names' : 'ip6_tables_names';
  const names = (await place.netFile(file)).split('\n').filter((name) => Object.hasOwn(tables, name));
  return names.flatMap(() => []);
}
