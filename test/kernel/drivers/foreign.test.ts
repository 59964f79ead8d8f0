import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Driver } from '../../../src/drivers/driver.ts';
import { ForeignDriver } from '../../../src/drivers/foreign.ts';
import { requireOwnNetwork, run, showLink, showLinks } from '../../support/own-network.ts';
import { makeNetwork } from '../../support/records.ts';

const driver: Driver = new ForeignDriver();
const network = makeNetwork({
  driver: 'foreign',
  options: { bridge: 'fo-br' },
  pools: [{ subnet: '10.85.0.0/24', gateway: '10.85.0.1' }],
});
const path = 'net/ipv4/conf/fo-br/route_localnet';

beforeAll(requireOwnNetwork);

test('nothing of the bridge is touched but what published ports need', async () => {
  makeBridge();
  const before = showLink('fo-br');
  expect(await driver.inspectNetwork(network)).toEqual([
    { object: 'interface fo-br', problem: `has ${path} = 0, not 1` },
  ]);
  await driver.ensureNetwork(network);
  expect(await driver.inspectNetwork(network)).toEqual([]);
  expect(run(`sysctl -n ${path}`).trim()).toBe('1');
  expect(showLink('fo-br')).toEqual(before);
  await driver.removeNetwork(network);
  expect(showLink('fo-br')).toEqual(before);
});

test.each([
  ['0', 'is taken back with the last network on the bridge'],
  ['1', 'is left to who set it'],
])('route_localnet %s %s', async (former) => {
  makeBridge();
  const isSet = () => run(`sysctl -n ${path}`).trim();
  run(`sysctl -qw ${path}=${former}`);
  const onBridge = (name: string) => makeNetwork({ driver: 'foreign', name, options: { bridge: 'fo-br' } });
  const first = onBridge('first');
  const second = onBridge('second');
  const one = { ...first, options: await driver.resolve(first, []) };
  await driver.ensureNetwork(one);
  const two = { ...second, options: await driver.resolve(second, [one]) };
  await driver.ensureNetwork(two);
  await driver.removeNetwork(one);
  expect(isSet()).toBe('1');
  await driver.removeNetwork(two);
  expect(isSet()).toBe(former);
  // As after a start that finishes a deletion: nothing is known but the record.
  await new ForeignDriver().removeNetwork(two);
  expect(isSet()).toBe(former);
});

test('a bridge that is not there is not made, and looked after once somebody made it', async () => {
  const before = showLinks();
  await driver.ensureNetwork(network);
  expect(await driver.inspectNetwork(network)).toEqual([]);
  expect(showLinks()).toEqual(before);
  makeBridge();
  expect(await driver.inspectNetwork(network)).toHaveLength(1);
  await driver.ensureNetwork(network);
  expect(await driver.inspectNetwork(network)).toEqual([]);
});

test('without a bridge there is nothing to see to', async () => {
  const nowhere = { ...network, options: {} };
  await driver.ensureNetwork(nowhere);
  expect(await driver.inspectNetwork(nowhere)).toEqual([]);
});

function makeBridge(): void {
  run('ip link add fo-br mtu 1450 type bridge');
  onTestFinished(() => void run('ip link delete fo-br'));
}
