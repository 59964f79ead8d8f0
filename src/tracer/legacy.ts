// Tables of iptables' older kernel interface, which nf_tables does not show: what iptables-legacy-save prints of them.
import { ChainRunner, type RunnableChain } from './chains.ts';
import type { HookChain, HookName } from './hook-chain.ts';
import { runLegacyRule } from './legacy-rule.ts';
import { familyOfPacket, type Packet, type Position } from './packet.ts';
import type { Place } from './place.ts';

const priorities: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };

interface LegacyHook {
  readonly place: Place;
  readonly hook: HookName;
  readonly packet: Packet;
  readonly position: Position;
}

export async function legacyChains(request: LegacyHook): Promise<readonly HookChain[]> {
  const { place, hook, packet } = request;
  const family = familyOfPacket(packet);
  const names = (await place.netFile(family === 4 ? 'ip_tables_names' : 'ip6_tables_names')).trim();
  if (names === '') return [];
  const text = await place.legacyRules(family);
  if (text === undefined) return [unreadable(request, names.split('\n'))];
  return parseTables(text).flatMap(({ name, policies, rules }) => {
    const chain = hook.toUpperCase();
    const policy = policies.get(chain);
    if (policy === undefined) return [];
    const priority = name === 'nat' ? natPriority(hook) : (priorities[name] ?? 0);
    const chains = new Map([...rules].map(([one, texts]) => [one, runnable(texts, rules, request)]));
    return [
      {
        place: { family: family === 4 ? 'ip' : 'ip6', table: name, chain, legacy: true },
        isNat: name === 'nat',
        priority,
        drops: policy === 'DROP',
        run: (one: Packet) => new ChainRunner(chains, one).run(chain),
      } as const,
    ];
  });
}

function natPriority(hook: HookName): number {
  return hook === 'prerouting' || hook === 'output' ? -100 : 100;
}

/** There are rules, and nobody here can read them. */
function unreadable({ packet, hook }: LegacyHook, tables: readonly string[]): HookChain {
  const family = familyOfPacket(packet) === 4 ? 'ip' : 'ip6';
  const table = tables.includes('filter') ? 'filter' : (tables[0] ?? 'filter');
  return {
    place: { family, table, chain: hook.toUpperCase(), legacy: true },
    isNat: false,
    priority: 0,
    drops: false,
    run: async () => ({ verdict: 'unknown' }),
  };
}

function runnable(
  texts: readonly string[],
  rules: ReadonlyMap<string, readonly string[]>,
  { place, position }: LegacyHook,
): RunnableChain {
  const around = {
    position,
    chains: new Set(rules.keys()),
    addressType: (address: Parameters<Place['addressType']>[0]) => place.addressType(address),
  };
  return { rules: texts.map((text) => ({ run: async (packet) => runLegacyRule(text, packet, around) })) };
}

interface LegacyTable {
  readonly name: string;
  /** Of built-in chains. */
  readonly policies: ReadonlyMap<string, string>;
  readonly rules: ReadonlyMap<string, readonly string[]>;
}

function parseTables(text: string): readonly LegacyTable[] {
  const tables: { name: string; policies: Map<string, string>; rules: Map<string, string[]> }[] = [];
  for (const line of text.split('\n')) {
    const table = tables.at(-1);
    if (line.startsWith('*')) tables.push({ name: line.slice(1), policies: new Map(), rules: new Map() });
    else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      table?.rules.set(name, []);
      if (policy !== '-') table?.policies.set(name, policy);
    } else if (line.startsWith('-A ')) {
      const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
      table?.rules.get(chain)?.push(rule);
    }
  }
  return tables;
}
