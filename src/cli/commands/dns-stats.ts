// net dns stats: how much is asked, and what becomes of it.

import type { NameStatisticsView } from '../../model/name-statistics.ts';
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import { formatFields, formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const dnsStats = defineVerb(
  {
    name: 'net dns stats',
    summary:
      'Count questions since netd started: by sandbox, network and upstream, of those named or of all.',
    operands: ['[SANDBOX|NETWORK…]'],
    options: formatOption,
  },
  async ({ options, operands: [targets] }, { client, write }) => {
    const json = wantsJson(options.format);
    const statistics = await client.nameStatistics(targets);
    await write(json ? jsonText(statistics) : statisticsText(statistics, targets.length === 0));
  },
);

/** @param isAll with what is nobody's in particular. */
function statisticsText(statistics: NameStatisticsView, isAll: boolean): string {
  const tables = [askerTable(statistics), networkTable(statistics), upstreamTable(statistics)];
  const blocks = [...tables, ...(isAll ? [totals(statistics)] : [])].filter((block) => block !== '');
  return blocks.join('\n');
}

function askerTable({ askers }: NameStatisticsView): string {
  const rows = askers.map(({ sandboxName, questions, ...by }) => [
    sandboxName,
    ...[questions, by.answered, by.noData, by.noName, by.cached, by.forwarded, by.failed, by.refused].map(
      String,
    ),
  ]);
  const headings = ['SANDBOX', 'QUESTIONS', 'ANSWERED', 'NO DATA', 'NO NAME', 'CACHED', 'FORWARDED'];
  return tableOf([...headings, 'FAILED', 'REFUSED'], rows);
}

function networkTable({ networks }: NameStatisticsView): string {
  return tableOf(
    ['NETWORK', 'ANSWERED'],
    networks.map(({ networkName, answered }) => [networkName, String(answered)]),
  );
}

function upstreamTable({ upstreams }: NameStatisticsView): string {
  const rows = upstreams.map(({ address, sandboxName, asked, replied, failed, rttMs, isFailing }) => [
    address,
    sandboxName ?? 'host',
    ...[asked, replied, failed].map(String),
    rttMs === undefined ? '' : `${rttMs.toFixed(1)} ms`,
    isFailing ? 'fails' : 'works',
  ]);
  return tableOf(['UPSTREAM', 'ASKED FROM', 'ASKED', 'REPLIED', 'FAILED', 'REPLY TIME', 'STATE'], rows);
}

function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : formatTable(headings, rows);
}

function totals({ cache, malformed, overflowed, connections }: NameStatisticsView): string {
  return formatFields([
    [
      'Kept replies',
      `${cache.entries} (${cache.bytes} bytes), given ${cache.hits} times, ${cache.stale} past their time`,
    ],
    ['Malformed', String(malformed)],
    ['Overflowed', String(overflowed)],
    ['Connections', String(connections)],
  ]);
}
