// What drops networks' packets and leaves no place to others: an administrator's own rules, and tables that cannot be seen.
import { readFileSync } from 'node:fs';
import { hasNoTables, listAllChains, listRules } from '../../kernel/nftables/client.ts';
import type { DecodedRule } from '../../kernel/nftables/rule.ts';
import type { TableFamily } from '../../kernel/nftables/table.ts';
import type { Difference } from '../../model/difference.ts';
import type { Firewall } from '../firewall.ts';
import { filterName, type PlacedRule, type Way, ways, withoutIdle } from './filter-table.ts';
import { fateIn } from './place.ts';
import { type Pattern, patternText } from './rules.ts';

const families = ['inet', 'ip', 'ip6'] as const satisfies readonly TableFamily[];
type Family = (typeof families)[number];

/** Each with the very commands that end it. Nothing while there is no network. */
export async function findObstacles(
  networks: readonly Pattern[],
  backend: Exclude<Firewall['name'], 'none'>,
): Promise<readonly Difference[]> {
  if (networks.length === 0) return [];
  const hidden = backend === 'nftables' ? hiddenTables(networks) : [];
  try {
    const found = await Promise.all(families.map((family) => obstaclesOf(family, networks)));
    return [...found.flat(), ...hidden];
  } catch (error) {
    if (hasNoTables(error)) return hidden;
    throw error;
  }
}

async function obstaclesOf(family: Family, networks: readonly Pattern[]): Promise<readonly Difference[]> {
  const all = await listAllChains(family);
  const hooked = all.flatMap(({ table, name, base }) => {
    if (typeof base !== 'object' || base.type !== 'filter' || isLookedAfter(family, table, name)) return [];
    return base.hook === 'forward' || base.hook === 'input' ? [{ table, name, way: base.hook }] : [];
  });
  const found: Difference[] = [];
  for (const { table, name, way } of hooked) {
    const chains = await chainsOf(family, table);
    const dropping = all.filter(({ base }) => typeof base === 'object' && base.policy === 'drop');
    const names = new Set(dropping.filter((one) => one.table === table).map((one) => one.name));
    if (fateIn({ chains, dropping: names }, name) !== 'drop') continue;
    const rules = [...chains.values()].flat().map(({ rule }) => rule);
    const missing = wantedRules[way].flatMap(({ which, rest }) =>
      networks
        .filter((pattern) => !admits(rules, which, pattern))
        .map(
          (pattern) =>
            `nft insert rule ${family} ${table} ${name} ${which} "${patternText(pattern, '*')}" ${rest}`,
        ),
    );
    if (missing.length === 0) continue;
    const object = `nft chain ${family} ${table} ${name}`;
    found.push({ object, problem: `drops ${whatIsLost[way]}; to let it through: ${missing.join('; ')}` });
  }
  return found;
}

const whatIsLost: Readonly<Record<Way, string>> = {
  forward: 'what networks forward, unless its rules say otherwise',
  input: 'the questions of pods and containers of engines for names, unless its rules say otherwise',
};

const wantedRules = {
  forward: [
    { which: 'iifname', rest: 'accept' },
    { which: 'oifname', rest: 'accept' },
  ],
  input: [{ which: 'iifname', rest: 'meta l4proto { tcp, udp } th dport 53 accept' }],
} as const satisfies Readonly<Record<Way, readonly { which: 'iifname' | 'oifname'; rest: string }[]>>;

/** Ours, firewalld's, and the chains of iptables, which a gate is there for. */
function isLookedAfter(family: Family, table: string, chain: string): boolean {
  if (family === 'inet') return table === 'fairlead' || table === 'firewalld';
  return table === filterName && Object.values(ways).some(({ builtIn }) => builtIn === chain);
}

async function chainsOf(family: Family, table: string): Promise<ReadonlyMap<string, readonly PlacedRule[]>> {
  const chains = new Map<string, PlacedRule[]>();
  for (const { chain, handle, rule } of await listRules(table, family)) {
    chains.set(chain, [...(chains.get(chain) ?? []), { handle, rule: withoutIdle(rule) }]);
  }
  return chains;
}

/** Whether a rule accepts packets of such an interface; one that looks for it in a set is taken at its word. */
function admits(rules: readonly DecodedRule[], which: 'iifname' | 'oifname', pattern: Pattern): boolean {
  return rules.some((rule) => {
    const at = rule.findIndex((one) => one?.kind === 'meta' && one.key === which);
    const test = rule[at + 1];
    const last = rule.at(-1);
    if (at < 0 || last?.kind !== 'immediate' || !('verdict' in last) || last.verdict !== 'accept')
      return false;
    if (test?.kind !== 'cmp') return true;
    const text = Buffer.from(test.value).toString();
    const end = text.indexOf('\0');
    const matches = end < 0 ? pattern.startsWith(text) : pattern === `${text.slice(0, end)}\0`;
    return test.operator === 'eq' && matches;
  });
}

/** Netlink does not show what iptables-legacy made. */
function hiddenTables(networks: readonly Pattern[]): readonly Difference[] {
  return (['iptables-legacy', 'ip6tables-legacy'] as const).flatMap((program) => {
    const file = program === 'iptables-legacy' ? 'ip_tables_names' : 'ip6_tables_names';
    if (!linesOf(`/proc/net/${file}`).includes(filterName)) return [];
    const rules = networks.flatMap((pattern) =>
      ['-i', '-o'].map((way) => `${program} -I FORWARD ${way} ${patternText(pattern, '+')} -j ACCEPT`),
    );
    const problem = `is in use and cannot be looked into; if its FORWARD drops what networks forward: ${rules.join('; ')}; or netd --firewall iptables`;
    return [{ object: `${program} table ${filterName}`, problem }];
  });
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
