// Networks of the iptables backend beside Docker and its rules, which drop what is forwarded and not Docker's.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import { run } from '../../support/own-network.ts';
import { backends, removeAllRules } from './backends.ts';
import { flushFilter, makeDockerRules } from './docker-rules.ts';
import {
  addressOf,
  bridgeOf,
  endpointPolicy,
  forward,
  hostAddress,
  Lan,
  networkPolicy,
  outsideAddress,
} from './lan.ts';
import { takeTable } from './own-table.ts';

/** How long no answer means silence. */
const silenceSeconds = 0.3;
const programs = [
  { family: 4, program: 'iptables' },
  { family: 6, program: 'ip6tables' },
] as const;
const state = {
  networks: [networkPolicy(1)],
  endpoints: [endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), forward(8080, addressOf(1, 2, 6))])],
};

let table: AsyncDisposable;
let lan: Lan;
beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2, 3]);
  // Docker's, by its rules.
  await lan.addNetwork(2, [2], { foreign: true });
  for (const place of ['1.2', '1.3', '2.2', 'outside']) await lan.serve(place);
  for (const { program } of programs) run(`sysctl -q -w net.bridge.bridge-nf-call-${program}=1`);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

describe.for(['nft', 'legacy'] as const)('iptables-%s', (variant) => {
  const missing = backends.find(({ name }) => name === `iptables-${variant}`)?.missing;

  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = new IptablesFirewall({ variant });
    beforeAll(async () => {
      for (const { program } of programs) makeDockerRules(`${program}-${variant}`, [bridgeOf(2)]);
      await firewall.replace(state);
    });
    afterAll(async () => {
      await firewall.close();
      for (const { program } of programs) flushFilter(`${program}-${variant}`);
      await removeAllRules();
    });

    describe.for(programs)('over IPv$family', ({ family, program }) => {
      const iptables = (words: string) => run(`${program}-${variant} ${words}`);
      const host = hostAddress[family];
      const published = (answer: string, from = 'outside') =>
        expect(lan.ask(from, host, 8080, answer === 'silence' ? silenceSeconds : undefined)).resolves.toBe(
          answer,
        );
      const withRule = (chain: string, words: string) => {
        iptables(`-I ${chain} ${words}`);
        onTestFinished(() => void iptables(`-D ${chain} ${words}`));
      };

      test('what may pass does, though the policy is to drop', async () => {
        await published(`1.2 ${outsideAddress[family]}`);
        expect(await lan.ask('1.2', outsideAddress[family], 80)).toBe(`outside ${host}`);
        expect(await lan.ask('1.3', addressOf(1, 2, family), 80)).toBe(`1.2 ${addressOf(1, 3, family)}`);
      });

      test('what may not pass does not', async () => {
        expect(await lan.ask('outside', addressOf(1, 2, family), 80, silenceSeconds)).toBe('silence');
        expect(await lan.ask('2.2', addressOf(1, 2, family), 80, silenceSeconds)).toBe('silence');
      });

      test("the administrator's rules for containers are in force", async () => {
        withRule('DOCKER-USER', '-i fwout -p tcp --dport 80 -j DROP');
        await published('silence');
      });

      test("from Docker's bridges it is Docker's rules that decide", async () => {
        await published(`1.2 ${addressOf(2, 2, family)}`, '2.2');
        withRule('DOCKER-ISOLATION-STAGE-1', `-i ${bridgeOf(2)} ! -o ${bridgeOf(2)} -j DROP`);
        await published('silence', '2.2');
      });

      test("to Docker's bridges it is Docker's rules that decide", async () => {
        expect(await lan.ask('1.2', addressOf(2, 2, family), 80, silenceSeconds)).toBe('silence');
      });
    });
  });
});
