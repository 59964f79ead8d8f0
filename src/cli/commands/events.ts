// net events: what changes, as it changes.

import { UsageError } from '../../base/command-line.ts';
import type { Event } from '../../model/event.ts';
import { shortId } from '../../model/ids.ts';
import { formatOption, wantsJson } from '../../model/output-format.ts';
import { filterOption } from '../output.ts';
import { formatPairs } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const events = defineVerb(
  {
    name: 'net events',
    summary: 'Print what changes, one line an event. Filters: event, network, sandbox, type.',
    operands: [],
    options: {
      since: {
        kind: 'value',
        value: 'TIME',
        help: 'begin with kept events: 10m, a date, or seconds since 1970',
      },
      ...filterOption,
      ...formatOption,
    },
  },
  async ({ options }, { client, write }) => {
    const json = wantsJson(options.format);
    const since = options.since === undefined ? undefined : parseTime(options.since, Date.now());
    for await (const event of client.events({ since, filters: options.filter })) {
      await write(json ? `${JSON.stringify(event)}\n` : eventLine(event));
    }
  },
);

/** Milliseconds since 1970 of `1h30m` (ago), seconds since 1970, or a date as ISO 8601 writes it. Errors: `UsageError`. */
export function parseTime(word: string, nowMs: number): number {
  const ago = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(word);
  if (ago !== null && word !== '') {
    const [hours, minutes, seconds] = ago.slice(1).map((part) => Number(part ?? 0));
    return nowMs - (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  }
  const time = /^\d+(\.\d+)?$/.test(word) ? Math.floor(Number(word) * 1000) : Date.parse(word);
  if (Number.isNaN(time)) {
    throw new UsageError(`--since ${word}: 10m, a date, or seconds since 1970 are expected`);
  }
  return Math.max(0, time);
}

function eventLine({ time, type, action, id, attributes }: Event): string {
  const details = formatPairs(attributes);
  return `${new Date(time).toISOString()} ${type} ${action} ${idText(id)}${details === '' ? '' : ` (${details})`}\n`;
}

/** Addresses are not cut. */
function idText(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? shortId(id) : id;
}
