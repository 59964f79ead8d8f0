// Which firewall backend a host gets.
import { NetError, toNetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { Batch } from '../kernel/nftables/batch.ts';
import { commit, getTable, hasNoTables } from '../kernel/nftables/client.ts';
import type { Firewall } from './firewall.ts';
import { FirewalldGate } from './firewalld/firewalld-gate.ts';
import { IptablesFirewall } from './iptables/iptables.ts';
import { removeLegacyVariant, removeNftVariant } from './iptables/leftovers.ts';
import { Programs } from './iptables/programs.ts';
import { tableName } from './nftables/layout.ts';
import { NftablesFirewall } from './nftables/nftables.ts';
import { requireNftables } from './nftables/refusal.ts';
import { NoFirewall } from './none.ts';
import { ownChains } from './passage/filter-table.ts';
import { FilterTables } from './passage/filter-tables.ts';
import { HostPassage, type Tellers } from './passage/host-passage.ts';
import { findObstacles } from './passage/obstacles.ts';
import type { Passage } from './passage.ts';
import { succeeding } from './predecessors.ts';
import { RelayGuard } from './relay-guard.ts';
import { GuardedFirewall } from './senders/guarded-firewall.ts';
import { SenderTable } from './senders/sender-table.ts';

export type FirewallSetting = 'auto' | 'nftables' | 'iptables' | 'none';

/**
 * `auto` takes nftables where the kernel has what it needs, else iptables, and nothing less: a daemon that cannot keep networks
 * apart must be told to do without. What another backend left goes when the first rules of this one are in force.
 * Errors: `not_implemented` naming what the kernel or the host lacks, `unavailable` without CAP_NET_ADMIN.
 */
export async function chooseFirewall(
  setting: FirewallSetting,
  log: Log,
  openSenders: typeof SenderTable.open = SenderTable.open,
): Promise<Firewall> {
  if (setting === 'none') return new NoFirewall();
  const usesNftables = setting === 'nftables' || (setting === 'auto' && (await hasNftables(log)));
  const firewall = usesNftables ? await nftables(log) : await iptables(log);
  return new RelayGuard(new GuardedFirewall(firewall, await senderTable(openSenders, log)));
}

const filterTables = (tellers: Tellers) => new FilterTables(tellers);
const firewalld = (tellers: Tellers) => new FirewalldGate(tellers);
/** That of iptables has rules of its own where ufw and Docker have theirs. */
const gates = { nftables: [filterTables, firewalld], iptables: [firewalld], none: [] } as const;

/** Past others' firewalls, for the networks of that backend. */
export function choosePassage(backend: Firewall['name'], log: Log): Passage {
  const told = tellers(log);
  return new HostPassage({
    gates: gates[backend].map((make) => make(told)),
    obstacles: async (networks) => (backend === 'none' ? [] : findObstacles(networks, backend)),
    tellers: told,
  });
}

/** Who may send what is checked by nf_tables with either backend. */
async function senderTable(open: typeof SenderTable.open, log: Log): Promise<SenderTable | undefined> {
  try {
    return await open({ warn: (error) => log.warn({ err: error }, error.message) });
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const text = 'endpoints of bridge networks may send with any address: this kernel cannot check frames';
    log.warn({ reason: error.message, needs: 'CONFIG_NF_TABLES_BRIDGE' }, text);
    return undefined;
  }
}

async function nftables(log: Log): Promise<Firewall> {
  await requireNftables();
  const firewall = new NftablesFirewall(tellers(log));
  return succeeding(firewall, () =>
    attemptAll(log, [() => removeNftVariant(ownChains), () => removeLegacyVariant()]),
  );
}

async function iptables(log: Log): Promise<Firewall> {
  const version = await new Programs().version();
  const firewall = new IptablesFirewall(tellers(log));
  // The variant in use removes its own strays with its first rules.
  const removeOther = version.includes('nf_tables') ? removeLegacyVariant : () => removeNftVariant();
  return succeeding(firewall, () => attemptAll(log, [removeTable, removeOther]));
}

/** Errors: `unavailable`, when it cannot be told. */
async function hasNftables(log: Log): Promise<boolean> {
  try {
    await requireNftables();
    return true;
  } catch (error) {
    const { code, message } = toNetError(error);
    if (!(error instanceof NetError) || code !== 'not_implemented') throw error;
    log.info({ reason: message }, 'firewall: iptables is used, as nftables cannot be');
    return false;
  }
}

function tellers(log: Log) {
  return {
    warn: (error: Error) => log.warn({ err: error }, error.message),
    inform: (text: string) => log.info(text),
  };
}

/** What cannot be removed is told: the host works, with rules nobody looks after. */
async function attemptAll(log: Log, removals: readonly (() => Promise<void>)[]): Promise<void> {
  for (const remove of removals) {
    try {
      await remove();
    } catch (error) {
      if (hasNoTables(error)) continue;
      log.warn({ reason: String(error) }, 'rules of another firewall backend could not be removed');
    }
  }
}

async function removeTable(): Promise<void> {
  if ((await getTable(tableName)) !== undefined) await commit(new Batch(tableName).deleteTable());
}
