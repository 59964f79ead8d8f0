// docs/dns.md: what its tables say is the answer to a question, is.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DocumentedRule, documentedRules } from '../support/dns-document.ts';
import { addressesOf, type DigReply, DnsLab } from '../support/dns-lab.ts';
import { DnsUpstreams } from '../support/dns-upstreams.ts';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;
let lab: DnsLab;
let upstream: DnsUpstreams;
let shortId: string;

/** Networks, sandboxes and addresses are those of the document's first lines. */
beforeAll(async () => {
  host = await TestHost.start('document');
  upstream = await DnsUpstreams.serve(host, { '127.0.0.54': 'good' });
  writeFileSync(`/proc/${host.pid}/root/etc/resolv.conf`, 'nameserver 127.0.0.54\n');
  await host.netd();
  lab = new DnsLab(host);
  await lab.network('lab', { ipv6: true, pools: [{ subnet: '10.0.0.0/24' }, { subnet: 'fd00::/64' }] });
  await lab.network('back', { pools: [{ subnet: '10.0.1.0/24' }] });
  shortId = (await lab.sandbox('web', { hostname: 'web-host' })).slice(0, 12);
  const published = { ports: ['8080:80/tcp'], aliases: ['www'] };
  await lab.connect('lab', 'web', { addresses: ['10.0.0.2', 'fd00::2'], ...published });
  await lab.sandbox('db');
  await lab.connect('lab', 'db', { addresses: ['10.0.0.3', 'fd00::3'], aliases: ['store'] });
  await lab.sandbox('db2');
  await lab.connect('back', 'db2', { addresses: ['10.0.1.3'], aliases: ['store'] });
  for (const name of ['usual', 'both', 'linked']) await lab.sandbox(name);
  await lab.connect('lab', 'usual');
  await lab.connect('lab', 'both');
  await lab.connect('back', 'both');
  const links = [
    { target: 'web', alias: 'store' },
    { target: 'db2', alias: 'peer' },
  ];
  await lab.connect('lab', 'linked', { links });
});

afterAll(() => host[Symbol.asyncDispose]());

const askers: Readonly<Record<string, string>> = {
  '': 'usual',
  'from both': 'both',
  'with that link': 'linked',
};

/** What the document leaves to be filled in. */
function written(name: string): string {
  const nibbles = name.endsWith('.ip6.arpa') ? 32 - name.replace('[…].', '').split('.').length + 2 : 0;
  return name.replace('0123456789ab', shortId).replace('[…].', '0.'.repeat(nibbles));
}

type Reading = (said: readonly string[], reply: DigReply, asked: Asked) => unknown;

/** The ways in which answers are told, each with what it says of a reply. */
const readings: readonly (readonly [RegExp, Reading])[] = [
  [
    /^forwarded$/,
    (_, reply, { name }) => {
      expect(reply.flags).not.toContain('aa');
      expect(upstream.asked(name), 'questions at the nameserver').toHaveLength(1);
    },
  ],
  [
    /^`([\d.a-f:]+)`$/,
    ([address], reply) => {
      expect(reply.flags).toEqual(expect.arrayContaining(['aa', 'ra']));
      expect(addressesOf(reply)).toEqual([address]);
    },
  ],
  [/^`(\S+\. \d+ IN A \S+)`$/, ([record], reply) => expect(reply.answers).toEqual([record])],
  [
    /^`(\S+ \S+)`, then `(\S+ \S+)`$/,
    async ([one, other], reply, { asker, name }) => {
      const next = await lab.addresses(asker, name);
      expect([addressesOf(reply).join(' '), next.join(' ')].sort()).toEqual([one, other].sort());
    },
  ],
  [/^(?:NOERROR, no answer, SOA|no data)$/, (_, reply) => expectNoData(reply, 'NOERROR')],
  [
    /^NXDOMAIN, SOA of `(\S+)`$/,
    ([zone], reply) => {
      expectNoData(reply, 'NXDOMAIN');
      expect(reply.authority[0]).toMatch(new RegExp(`^${zone}\\. 5 IN SOA `));
    },
  ],
  [
    /^`HINFO (".*" ".*")`$/,
    ([text], reply) => expect(reply.answers[0]).toMatch(new RegExp(`IN HINFO ${text}$`)),
  ],
  [/^REFUSED$/, (_, reply) => expect(reply.text).toMatch(/status: REFUSED|Transfer failed/)],
  [
    /^`(\S+ \S+ \S+ \S+)`, with the addresses of `(\S+)`$/,
    async ([service, name], reply, { asker }) => {
      expect(reply.answers.map((line) => line.replace(/^.* IN SRV /, ''))).toEqual([service]);
      const [v4, v6] = [await lab.addresses(asker, `${name}`), await lab.addresses(asker, `${name}`, 'AAAA')];
      expect(reply.additional.map((line) => line.replace(/^(\S+) 5 IN A+ /, '$1 '))).toEqual(
        [...v4, ...v6].map((address) => `${name}. ${address}`),
      );
    },
  ],
  [
    /^`(\S+\.)`$/,
    ([target], reply) =>
      expect(reply.answers.map((line) => line.replace(/^.* IN PTR /, ''))).toEqual([target]),
  ],
];

interface Asked {
  readonly asker: string;
  readonly name: string;
}

function expectNoData(reply: DigReply, status: string): void {
  expect(reply).toMatchObject({ status, answers: [] });
  expect(reply.flags).toContain('aa');
  expect(reply.authority).toHaveLength(1);
  expect(reply.authority[0]).toMatch(/ 5 IN SOA .* 5$/);
}

/** `the same` is what the row above says. */
function withMeanings(rules: readonly DocumentedRule[]): readonly DocumentedRule[] {
  let previous = '';
  return rules.map((rule) => {
    previous = rule.answer === 'the same' ? previous : rule.answer;
    return { ...rule, answer: previous };
  });
}

function reading({ rule, answer }: DocumentedRule): readonly [readonly string[], Reading] {
  for (const [form, meaning] of readings) {
    const said = form.exec(answer);
    if (said !== null) return [said.slice(1), meaning];
  }
  throw new Error(`${rule}: what does ${answer} mean?`);
}

const rows = withMeanings(documentedRules()).flatMap((rule) =>
  rule.questions.map(({ name, type }) => ({ ...rule, name, type })),
);

describe('the document about names', () => {
  test('has its tables', () => {
    expect(rows.length).toBeGreaterThan(25);
  });

  test.each(rows)('$name $type: $rule', async (row) => {
    const asker = askers[row.asker];
    if (asker === undefined) throw new Error(`${row.rule}: who asks ${row.asker}?`);
    const name = written(row.name);
    const reply = await lab.dig(asker, name, row.type);
    const [said, meaning] = reading(row);
    await meaning(said, reply, { asker, name });
  });
});
