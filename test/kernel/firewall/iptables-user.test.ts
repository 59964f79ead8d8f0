// The administrator's rules among those of the iptables backend: they come first, and nobody else touches them.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import { removeLegacyVariant, removeNftVariant } from '../../../src/firewall/iptables/leftovers.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { backends, removeAllRules } from './backends.ts';
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

/** How long no answer means silence. */
const silenceSeconds = 0.3;
const state = {
  networks: [networkPolicy(1), networkPolicy(2)],
  endpoints: [endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), forward(8080, addressOf(1, 2, 6))])],
};
const programs = [
  { family: 4, program: 'iptables' },
  { family: 6, program: 'ip6tables' },
] as const;

let table: AsyncDisposable;
let lan: Lan;
beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2]);
  await lan.addNetwork(2, [2]);
  await lan.serve('1.2');
  setBridging(bridgings[1]);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

describe.for(['nft', 'legacy'] as const)('iptables-%s', (variant) => {
  const missing = backends.find(({ name }) => name === `iptables-${variant}`)?.missing;

  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    let firewall: IptablesFirewall;
    beforeAll(async () => {
      firewall = new IptablesFirewall({ variant });
      await firewall.replace(state);
    });
    afterAll(async () => {
      await firewall.close();
      await removeAllRules();
    });

    describe.for(programs)('over IPv$family', ({ family, program }) => {
      const iptables = (words: string) => run(`${program}-${variant} ${words}`);
      /** By the port as it was asked for, which connection tracking remembers. */
      const drop = 'FAIRLEAD-USER -i fwout -p tcp -m conntrack --ctorigdstport 8080 -j DROP';
      const withDrop = () => {
        iptables(`-A ${drop}`);
        onTestFinished(() => void succeeds(`${program}-${variant} -D ${drop}`));
      };
      const published = async () => {
        const answer = await lan.ask('outside', hostAddress[family], 8080, silenceSeconds);
        return answer === `1.2 ${outsideAddress[family]}` ? 'open' : answer;
      };

      test('a published port is stopped, and open again when the rule goes', async () => {
        expect(await lan.ask('outside', hostAddress[family], 8080)).toBe(`1.2 ${outsideAddress[family]}`);
        iptables(`-A ${drop}`);
        expect(await published()).toBe('silence');
        iptables(`-D ${drop}`);
        expect(await lan.ask('outside', hostAddress[family], 8080)).toBe(`1.2 ${outsideAddress[family]}`);
      });

      test('what is accepted there is let through', async () => {
        const accept = `FAIRLEAD-USER -s ${addressOf(2, 2, family)} -j ACCEPT`;
        expect(await lan.ask('2.2', addressOf(1, 2, family), 80, silenceSeconds)).toBe('silence');
        iptables(`-A ${accept}`);
        onTestFinished(() => void iptables(`-D ${accept}`));
        expect(await lan.ask('2.2', addressOf(1, 2, family), 80)).toMatch(/^1\.2 /);
      });

      test('the rules are no difference, and stay in every change', async () => {
        withDrop();
        expect(await firewall.inspect()).toEqual([]);
        await firewall.apply([{ network: networkPolicy(3) }]);
        await firewall.replace(state);
        expect(iptables('-S FAIRLEAD-USER')).toContain(`-A ${drop}\n`);
        expect(await published()).toBe('silence');
      });

      test('the rules outlive whoever made the chain', async () => {
        withDrop();
        await firewall.close();
        firewall = new IptablesFirewall({ variant });
        await firewall.replace(state);
        expect(await firewall.inspect()).toEqual([]);
        expect(await published()).toBe('silence');
      });

      test('the rules stay when ours were flushed and are made again', async () => {
        withDrop();
        iptables('-F FAIRLEAD-FILTER');
        iptables('-F FORWARD');
        expect(await firewall.inspect()).not.toEqual([]);
        await firewall.replace(state);
        expect(await firewall.inspect()).toEqual([]);
        expect(await published()).toBe('silence');
      });

      test('the chain is made again when somebody removed it', async () => {
        iptables('-F FAIRLEAD-FILTER');
        iptables('-X FAIRLEAD-USER');
        expect(await firewall.inspect()).toContainEqual({
          object: `${program} chain filter FAIRLEAD-USER`,
          problem: 'is missing',
        });
        await firewall.replace(state);
        expect(await firewall.inspect()).toEqual([]);
      });

      test('another backend leaves a chain with rules, and removes an empty one', async () => {
        onTestFinished(() => firewall.replace(state));
        const remove = variant === 'nft' ? () => removeNftVariant() : removeLegacyVariant;
        const chains = () => iptables('-S').match(/FAIRLEAD-[\w-]+/g) ?? [];
        withDrop();
        await remove();
        expect([...new Set(chains())]).toEqual(['FAIRLEAD-USER']);
        iptables(`-D ${drop}`);
        await remove();
        expect(chains()).toEqual([]);
      });
    });
  });
});
