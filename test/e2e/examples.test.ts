// Every example does what its README says, and leaves nothing.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Topology } from '../support/topology.ts';

const folder = new URL('../../examples/', import.meta.url).pathname;

/** Arguments of the example's script, and what it must print last. */
const examples: Readonly<Record<string, { readonly args: readonly string[]; readonly prints: RegExp }>> = {
  '01-two-processes-by-name': { args: [], prints: /^hello, found by name$/m },
  '02-publish-a-port': { args: [], prints: /(^hello, by the published port\n?){2}/m },
  '03-macvlan': {
    args: ['eth0', '10.99.0.0/24', '10.99.0.254', '10.99.0.50'],
    prints: /^eth0\S* .*10\.99\.0\.50\/24/m,
  },
};

test('every example is tested', () => {
  expect(readdirSync(folder).sort()).toEqual(Object.keys(examples));
});

test.each(Object.entries(examples))('example %s', async (name, { args, prints }) => {
  await using topology = await Topology.start('host');
  const host = topology.host('host');
  await host.netd();
  const before = await host.state();
  expect(await host.run([`${folder}${name}/run.sh`, ...args])).toMatch(prints);
  await host.net('check');
  expect(await host.state()).toEqual(before);
});
