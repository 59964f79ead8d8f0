// net dns query, ls: what a sandbox is told of a name, and the names there are.

import { UsageError } from '../../base/command-line.ts';
import type { NameLookup, NameSource } from '../../model/name-lookup.ts';
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import type { VisibleName } from '../../model/visible-name.ts';
import { filterOption } from '../output.ts';
import { formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const dnsQuery = defineVerb(
  {
    name: 'net dns query',
    summary:
      'Print what a sandbox is told of a name (type A, or TYPE) and where that comes from; exit status 1 where there is no such name, or no answer.',
    operands: ['NAME', '[TYPE]'],
    options: {
      from: { kind: 'value', value: 'SANDBOX', help: 'who asks; must be given' },
      ...formatOption,
    },
  },
  async ({ options, operands: [name, type] }, { client, write }) => {
    const json = wantsJson(options.format);
    if (options.from === undefined) throw new UsageError('--from SANDBOX is missing: each sees other names');
    const lookup = await client.lookUpName(options.from, name, type);
    await write(json ? jsonText(lookup) : lookupText(lookup));
    return lookup.status === 'NOERROR' ? 0 : 1;
  },
);

export const dnsLs = defineVerb(
  {
    name: 'net dns ls',
    summary:
      'List the names of all networks, or those a sandbox sees. Filters: kind, name, network, sandbox.',
    operands: [],
    options: {
      from: { kind: 'value', value: 'SANDBOX', help: 'as this sandbox sees them, with its links' },
      ...formatOption,
      quiet: { kind: 'flag', short: 'q', help: 'names only, each once' },
      ...filterOption,
    },
  },
  async ({ options }, { client, write }) => {
    const json = wantsJson(options.format);
    const names = await client.names(options.from, options.filter);
    if (json) return write(jsonText(names));
    const distinct = [...new Set(names.map(({ name }) => name))];
    return write(options.quiet ? distinct.map((name) => `${name}\n`).join('') : nameTable(names));
  },
);

function lookupText({ status, records, source }: NameLookup): string {
  const what = status === 'NOERROR' && records.length === 0 ? `${status}, no such record` : status;
  return [...records, `${what}: ${sourceText(source)}`].map((line) => `${line}\n`).join('');
}

function sourceText(source: NameSource): string {
  switch (source.kind) {
    case 'networks': {
      const { networks } = source;
      if (networks.length === 0) return 'a link to a sandbox on no network of the asker';
      return `from network${networks.length === 1 ? '' : 's'} ${networks.join(', ')}`;
    }
    case 'nowhere':
      return 'no network of the asker has it, and none lets questions out';
    case 'cache':
      return 'from the cache';
    case 'stale':
      return 'from the cache, past its time, as no upstream answers';
    case 'upstream':
      return `from upstream ${source.address}${
        source.tookMs === undefined ? '' : ` in ${Math.round(source.tookMs)} ms`
      }`;
    case 'unanswered':
      return 'no upstream answers';
    case 'refused':
      return 'such questions are not answered';
  }
}

function nameTable(names: readonly VisibleName[]): string {
  const rows = names.map((one) => [
    one.name,
    one.kind,
    one.networkName ?? '',
    one.sandboxName,
    one.addresses.join(', '),
    noteText(one),
  ]);
  return formatTable(['NAME', 'KIND', 'NETWORK', 'SANDBOX', 'ADDRESSES', 'NOTE'], rows);
}

function noteText({ name, networkName, networkId, alsoClaimedBy, isHidden }: VisibleName): string {
  const notes = [
    ...(alsoClaimedBy.length === 0 ? [] : [`also claimed by ${alsoClaimedBy.join(', ')}`]),
    ...(isHidden ? [`a link has this name: only as ${name}.${networkName}`] : []),
    ...(networkId === undefined ? ['on no network of the asker'] : []),
  ];
  return notes.join('; ');
}
