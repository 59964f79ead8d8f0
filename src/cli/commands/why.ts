// net why: whether a packet gets through, and what decides it.
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import type { WhyView, WhyWay } from '../../model/why.ts';
import { defineVerb } from '../verb.ts';

export const why = defineVerb(
  {
    name: 'net why',
    summary:
      'Say whether FROM reaches TO, step by step, and what decides it; exit status 1 if it does not. FROM is a sandbox, host, outside:INTERFACE[,ADDRESS], pid:PID, netns:PATH or docker:CONTAINER; TO[:PORT[/PROTOCOL]] a sandbox, host or an IP address. Without a port an echo request (ping) is meant.',
    operands: ['FROM', 'TO'],
    options: {
      probe: {
        kind: 'flag',
        help: 'really try it as well, with a listener of its own where nothing listens',
      },
      ...formatOption,
    },
  },
  async ({ options, operands: [from, to] }, { client, write }) => {
    const json = wantsJson(options.format);
    const answer = await client.why({ from, to, probe: options.probe ?? false });
    await write(json ? jsonText(answer) : whyText(answer));
    return answer.passes && answer.ways.every(({ probe }) => probe?.agrees !== false) ? 0 : 1;
  },
);

function whyText({ from, to, protocol, port, ways }: WhyView): string {
  const what = port === undefined ? 'an echo request' : `${port}/${protocol}`;
  return ways.map((way) => wayText(`${what} from ${from} to ${to}`, way)).join('\n');
}

function wayText(what: string, { address, passes, steps, reason, change, note, probe }: WhyWay): string {
  const marks = new Map<boolean | undefined, string>([
    [true, '✓'],
    [false, '✗'],
  ]);
  const verdict =
    passes === true ? 'gets through' : passes === false ? 'does not get through' : 'cannot be told';
  const lines = [
    `${what} at ${address}`,
    ...steps.map((step) => `  ${marks.get(step.passes) ?? '?'} ${step.text}`),
    `${verdict}${reason === undefined ? '' : `${passes === true ? ',' : ':'} ${reason}`}`,
    ...(change === undefined ? [] : [`change: ${change}`]),
    ...(note === undefined ? [] : [`note: ${note}`]),
    ...(probe === undefined ? [] : [`probe: ${probe.text}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
