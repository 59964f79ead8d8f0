// The examples of docs/rules/before-ours.md stop what they say, with each firewall backend.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../support/own-network.ts';
import { backends, enforce } from './backends.ts';
import {
  addressOf,
  bridgings,
  endpointPolicy,
  forward,
  hostAddress,
  Lan,
  networkPolicy,
  outsideAddress,
  setBridging,
} from './lan.ts';
import { takeTable } from './own-table.ts';

const document = readFileSync(new URL('../../../docs/rules/before-ours.md', import.meta.url), 'utf8');
/** How long no answer means silence. */
const silenceSeconds = 0.3;
const state = {
  networks: [networkPolicy(1)],
  endpoints: [
    endpointPolicy('web', 1, [
      ...[8080, 8081].map((port) => forward(port, addressOf(1, 2))),
      forward(8080, addressOf(1, 2, 6)),
    ]),
  ],
};

let table: AsyncDisposable;
let lan: Lan;
beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2]);
  await lan.serve('1.2');
  setBridging(bridgings[1]);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** The example of that language, for the interface of this host. */
function example(language: string): string {
  const text = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(document)?.[1] ?? '';
  expect(text).toContain('eth0');
  return text.replaceAll('eth0', 'fwout').trim();
}

/** What comes of asking for the port the example is about, from outside. */
function asked(family: 4 | 6): Promise<string> {
  return lan.ask('outside', hostAddress[family], 8080, silenceSeconds);
}

async function expectOpen(): Promise<void> {
  for (const family of [4, 6] as const) {
    expect(await lan.ask('outside', hostAddress[family], 8080)).toBe(`1.2 ${outsideAddress[family]}`);
  }
}

describe.for(backends)('$name', ({ name, missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, state);

    test('a table of nftables', async () => {
      await expectOpen();
      expect(await lan.run('host', ['nft', '-f', '-'], `${example('nft')}\n`)).toEqual({
        stdout: '',
        stderr: '',
      });
      onTestFinished(() => void run('nft delete table inet mine'));
      for (const family of [4, 6] as const) expect(await asked(family)).toBe('silence');
      expect(await lan.ask('outside', hostAddress[4], 8081)).toBe(`1.2 ${outsideAddress[4]}`);
      expect(await lan.ask('host', hostAddress[4], 8080)).toBe(`1.2 ${hostAddress[4]}`);
      expect(await firewall.inspect()).toEqual([]);
      await firewall.replace(state);
      expect(await asked(4)).toBe('silence');
    });

    if (name === 'nftables') return;
    test('the chain FAIRLEAD-USER', async () => {
      await expectOpen();
      const rule = example('sh').replace(/^iptables -A/, '');
      run(`${name} -A${rule}`);
      onTestFinished(() => void run(`${name} -D${rule}`));
      expect(await asked(4)).toBe('silence');
      expect(await lan.ask('outside', hostAddress[4], 8081)).toBe(`1.2 ${outsideAddress[4]}`);
      expect(await lan.ask('host', hostAddress[4], 8080)).toBe(`1.2 ${hostAddress[4]}`);
    });
  });
});
