// A hundred containers attached and detached at once by the plugin itself, without a runtime.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askApi } from '../support/api-client.ts';
import { fairleadConfiguration, installNetwork } from '../support/engines/cni-plugins.ts';
import { type CniAnswer, CniRuntime } from '../support/engines/cni-runtime.ts';
import { type HostState, TestHost } from '../support/test-host.ts';

const firstHostPort = 20_000;
const containers = Array.from({ length: 100 }, (_, i) => `c${i}`);
const spare = 'one-too-many';
/** Room for the gateway and the containers, and for nobody else. */
const configuration = fairleadConfiguration({
  name: 'crowd',
  bridge: 'crowd0',
  subnet: '10.88.0.0/24',
  range: ['10.88.0.100', '10.88.0.199'],
});

let host: TestHost;
let runtime: CniRuntime;
let before: HostState;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await installNetwork(host, configuration);
  runtime = new CniRuntime(host, configuration);
  await runtime.makeNamespaces([...containers, spare]);
  before = await host.state();
});

afterAll(() => host[Symbol.asyncDispose]());

function addAll(): Promise<readonly CniAnswer[]> {
  return Promise.all(
    containers.map((container, i) => {
      const mapping = { hostPort: firstHostPort + i, containerPort: 80, protocol: 'tcp' };
      return runtime.add(container, { runtimeConfig: { portMappings: [mapping] } });
    }),
  );
}

async function deleteAll(): Promise<void> {
  const answers = await Promise.all(containers.map((container) => runtime.delete(container)));
  expect(answers.filter(({ status, body }) => status !== 0 || body !== undefined)).toEqual([]);
}

/** Address in each namespace, as the kernel has it. */
async function addresses(): Promise<ReadonlyMap<string, string>> {
  const show = 'ip -n $name -o -4 address show scope global | sed "s/^/$name /"';
  const lines = (await host.shell(`for name in ${containers.join(' ')}; do ${show}; done`)).split('\n');
  return new Map(
    lines.filter(Boolean).map((line) => [line.split(/\s+/)[0] ?? '', line.split(/\s+/)[4] ?? '']),
  );
}

test('a hundred at once each get an address of their own, twice over', async () => {
  for (let round = 0; round < 2; round++) {
    const answers = await addAll();
    expect(answers.filter(({ status }) => status !== 0)).toEqual([]);
    const given = new Map(answers.map(({ body }, i) => [containers[i], body.ips[0].address]));
    expect(new Set(given.values()).size).toBe(containers.length);
    expect(await addresses()).toEqual(given);
    // Each over both families.
    expect((await askApi(host, 'GET', '/ports')).body).toHaveLength(2 * containers.length);
    await host.net('check');

    const refused = await runtime.add(spare);
    expect(refused.status).toBe(1);
    await deleteAll();
    await deleteAll();
    expect(await addresses()).toEqual(new Map());
  }
});

test('nothing is left of them', async () => {
  await host.net('check');
  expect(await host.netJson('sandbox', 'ls')).toEqual([]);
  expect((await askApi(host, 'GET', '/ports')).body).toEqual([]);
  await host.net('rm', 'crowd');
  expect(await host.state()).toEqual(before);
});
