// The shapes of iptables' tables, as they should be and as they are found. A rule is its text after `-A CHAIN`, just as
// `iptables-save` prints it, so that what should be there and what is there can be compared as text.

/** In the order they are written: what keeps packets away before what leads them somewhere. */
export const tableNames = ['raw', 'filter', 'nat'] as const;
export type TableName = (typeof tableNames)[number];

export interface Chain {
  readonly rules: readonly string[];
  /** No packet is treated otherwise when the rules change places: single ones come and go. */
  readonly anyOrder?: true;
  /** It is there for the rules of others, which are left alone: `rules` is empty and means nothing. */
  readonly kept?: true;
}

/** What is ours in one table. */
export interface Table {
  readonly chains: ReadonlyMap<string, Chain>;
  /** The first rule of a built-in chain, by that chain's name. */
  readonly jumps: ReadonlyMap<string, string>;
}

export type Tables = Readonly<Record<TableName, Table>>;

/** All chains of a table, also those of others, with their rules. */
export type FoundTable = ReadonlyMap<string, readonly string[]>;
export type FoundTables = Readonly<Record<TableName, FoundTable>>;

/** iptables takes names of 28 characters; an interface's has up to 15. */
export const chainPrefix = 'FAIRLEAD-';

/** The administrator's, before all rules of ours in the table `filter`: made where it is missing, and never touched after. */
export const userChain = `${chainPrefix}USER`;

/** Whose rules we make. */
export function isOurs(chain: string): boolean {
  return chain.startsWith(chainPrefix) && chain !== userChain;
}

export const emptyTable: Table = { chains: new Map(), jumps: new Map() };

export function table(
  chains: Readonly<Record<string, Chain>>,
  jumps: Readonly<Record<string, string>>,
): Table {
  return { chains: new Map(Object.entries(chains)), jumps: new Map(Object.entries(jumps)) };
}

export function ordered(...rules: readonly string[]): Chain {
  return { rules };
}

/** Networks on one bridge want the same of it, and ports of one end the same for it. */
export function anyOrder(rules: readonly string[]): Chain {
  return { rules: [...new Set(rules)], anyOrder: true };
}

export const kept: Chain = { rules: [], kept: true };

/** The chain a rule leads to; undefined for a target such as `ACCEPT` as well as for none. */
export function targetOf(rule: string): string | undefined {
  // A comment may say anything.
  const words = rule.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return /(?:^| )-[jg] (\S+)/.exec(words)?.[1];
}

/** What would be found if nothing else were there. */
export function asFound({ chains, jumps }: Table): FoundTable {
  const ours = [...chains].map(([name, { rules }]) => [name, rules] as const);
  return new Map([...ours, ...[...jumps].map(([chain, rule]) => [chain, [rule]] as const)]);
}

/** Reads what `iptables-save` prints. Tables that are none of ours are passed over. */
export function parseSaved(text: string): FoundTables {
  const found = { raw: new Map(), filter: new Map(), nat: new Map() } as Record<
    TableName,
    Map<string, string[]>
  >;
  let table: Map<string, string[]> | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = found[line.slice(1) as TableName];
    else if (line.startsWith(':')) table?.set(line.slice(1, line.indexOf(' ')), []);
    else if (line.startsWith('-A ')) {
      const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
      table?.get(chain)?.push(rule);
    }
  }
  return found;
}
