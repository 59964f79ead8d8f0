// Removing this backend's rules when another one is in use.
import { readFileSync } from 'node:fs';
import type { IpFamily } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { Batch } from '../../kernel/nftables/batch.ts';
import { commit, listChains, listRules } from '../../kernel/nftables/client.ts';
import { leadsTo } from '../passage/filter-table.ts';
import { Programs } from './programs.ts';
import { emptyTable, isOurs, tableNames, userChain } from './table.ts';
import { transition } from './transition.ts';

/**
 * Rules made by iptables-nft, and what let networks past others'.
 * @param keep chains that go by themselves when they are of no use.
 */
export async function removeNftVariant(keep: readonly string[] = []): Promise<void> {
  for (const family of ['ip', 'ip6'] as const) {
    for (const table of tableNames) await removeChains(family, table, keep);
  }
}

/** Rules made by iptables-legacy. Starts no program where the kernel has no tables of that variant. */
export async function removeLegacyVariant(): Promise<void> {
  const programs = new Programs('legacy');
  const gone = { raw: emptyTable, filter: emptyTable, nat: emptyTable };
  for (const family of programs.families) {
    if (!hasLegacyTables(family === 4 ? 'ip_tables_names' : 'ip6_tables_names')) continue;
    const input = transition(await programs.save(family), gone);
    if (input !== '') await programs.restore(family, input);
  }
}

async function removeChains(family: 'ip' | 'ip6', table: string, keep: readonly string[]): Promise<void> {
  const chains = (await listChains(table, family)).map(({ name }) => name);
  const ours = chains.filter((name) => isOurs(name) && !keep.includes(name));
  if (ours.length === 0 && !chains.includes(userChain)) return;
  const batch = new Batch(table, family);
  const rules = await listRules(table, family);
  for (const { chain, handle, rule } of rules) {
    if (!isOurs(chain) && ours.some((name) => leadsTo(rule, name))) batch.deleteRule(chain, handle);
  }
  // The administrator's, while nothing is in it and nothing but ours leads to it.
  const isUsed = rules.some(
    ({ chain, rule }) => chain === userChain || (!ours.includes(chain) && leadsTo(rule, userChain)),
  );
  if (chains.includes(userChain) && !isUsed) ours.push(userChain);
  for (const name of ours) batch.flushChain(name);
  for (const name of ours) batch.deleteChain(name);
  await commit(batch);
}

/** What iptables-legacy-save prints, for whoever reads rules of others; undefined where there is no such program. */
export async function saveLegacy(family: IpFamily): Promise<string | undefined> {
  try {
    return await new Programs('legacy').saveText(family);
  } catch (error) {
    if (error instanceof NetError && error.code === 'not_implemented') return undefined;
    throw error;
  }
}

/** The file lists the tables of this namespace that are in use; it is not there before the first. */
function hasLegacyTables(file: string): boolean {
  try {
    return readFileSync(`/proc/net/${file}`, 'utf8').trim() !== '';
  } catch {
    return false;
  }
}
