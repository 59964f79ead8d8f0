// netd is killed before every call of a container's life, and in the middle of every call; dockerd sends what got no answer
// again. Each life ends as if nothing had happened, and in the end nothing is left.
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectNoRecords } from '../support/no-records.ts';
import { mustCall, type PluginAnswer } from '../support/plugin-caller.ts';
import { Random } from '../support/random.ts';
import { ScriptedContainers } from '../support/scripted-containers.ts';
import { type HostState, type Netd, TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const seed = Number(process.env['FAIRLEAD_KILL_SEEDS']?.split(',')[0] ?? Date.now() % 1_000_000);
/** Longer than any call takes here. */
const longestDelayMs = 8;
const hostPort = 18_080;
const portmap = [{ Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: hostPort, HostPortEnd: hostPort }];

/** How often each call is met by a death. */
const rounds = Math.ceil(Number(process.env['FAIRLEAD_KILL_ROUNDS'] ?? 40) / 40);
const totals = { kills: 0, unanswered: 0 };

let host: TestHost;
let netd: Netd;
let empty: HostState;
let lives = 0;

beforeEach(async () => {
  host = await TestHost.start();
  netd = await host.netd();
  empty = await host.state();
  lives = 0;
});
afterEach(() => host[Symbol.asyncDispose]());
afterAll(() => {
  console.log(`kills: ${totals.kills}; calls without an answer: ${totals.unanswered}; seed ${seed}`);
});

interface Step {
  readonly name: string;
  /** Done by dockerd alone, without netd. */
  readonly isLocal?: true;
  readonly run: () => Promise<void>;
}

/** The life of a network and of a container on it, as one of the two orders of dockerd has it. */
function life(joinsFirst: boolean): {
  readonly steps: readonly Step[];
  readonly containers: ScriptedContainers;
} {
  const number = lives++;
  const containers = new ScriptedContainers(host);
  const NetworkID = createHash('sha256').update(`network ${number}`).digest('hex');
  const EndpointID = createHash('sha256').update(`endpoint ${number}`).digest('hex');
  const ids = { NetworkID, EndpointID };
  const key = `/run/docker/netns/c${number}`;
  const prefix = `10.${77 + (number >> 8)}.${number & 255}`;
  const [Pool, gateway, address] = [`${prefix}.0/24`, `${prefix}.1`, `${prefix}.2`];
  const PoolID = `fairlead-${Pool}`;
  const answers: Record<string, PluginAnswer['body']> = {};
  const call = (method: string, body: object): Step => ({
    name: method.slice(method.indexOf('.') + 1),
    run: async () => {
      answers[method] = await mustCall(host, method, body);
    },
  });
  const ipam = (method: string, body: object) => call(`IpamDriver.${method}`, body);
  const driver = (method: string, body: object) => call(`NetworkDriver.${method}`, body);
  const start: Step = { name: 'start of the container', isLocal: true, run: () => containers.start(key) };
  const take: Step = {
    name: 'taking the interface',
    isLocal: true,
    run: () => {
      const { InterfaceName, Gateway } = answers['NetworkDriver.Join'];
      expect(Gateway).toBe(gateway);
      const mac = answers['NetworkDriver.CreateEndpoint'].Interface.MacAddress;
      const taken = { endpoint: EndpointID, network: NetworkID, key, source: InterfaceName.SrcName };
      return containers.take({ ...taken, mac, addresses: [`${address}/24`], gateways: [Gateway] });
    },
  };
  const seen: Step = {
    name: 'the container being seen at its port',
    isLocal: true,
    run: () => containers.expectPublished(EndpointID, hostPort),
  };
  const leave = driver('Leave', ids);
  const gatewayOptions = { RequestAddressType: 'com.docker.network.gateway' };
  const join = driver('Join', { ...ids, SandboxKey: key, Options: {} });
  const steps = [
    ipam('RequestPool', { AddressSpace: 'fairlead-local', Pool, SubPool: '', Options: {}, V6: false }),
    ipam('RequestAddress', { PoolID, Address: '', Options: gatewayOptions }),
    driver('CreateNetwork', {
      NetworkID,
      Options: { 'com.docker.network.generic': {} },
      IPv4Data: [{ AddressSpace: 'fairlead-local', Pool, Gateway: `${gateway}/24` }],
      IPv6Data: [],
    }),
    ipam('RequestAddress', { PoolID, Address: address, Options: null }),
    driver('CreateEndpoint', {
      ...ids,
      Interface: { Address: `${address}/24`, AddressIPv6: '', MacAddress: '' },
    }),
    ...(joinsFirst ? [join, start, take] : [start, join, take]),
    driver('ProgramExternalConnectivity', { ...ids, Options: { 'com.docker.network.portmap': portmap } }),
    driver('EndpointOperInfo', ids),
    seen,
    driver('RevokeExternalConnectivity', ids),
    {
      name: leave.name,
      run: async () => {
        await leave.run();
        await containers.left(EndpointID);
      },
    },
    driver('DeleteEndpoint', ids),
    ipam('ReleaseAddress', { PoolID, Address: address }),
    ipam('ReleaseAddress', { PoolID, Address: gateway }),
    ipam('ReleasePool', { PoolID }),
    driver('DeleteNetwork', { NetworkID }),
  ];
  return { steps, containers };
}

/** After the last life. */
async function expectNoRecordsLeft(): Promise<void> {
  await netd.stop();
  await expectNoRecords(host);
}

async function kill(): Promise<void> {
  await netd.kill9();
  totals.kills++;
}

async function restart(): Promise<void> {
  await kill();
  netd = await host.netd();
}

async function expectHealthy(containers: ScriptedContainers): Promise<void> {
  await waitUntil('net check finds nothing', () => host.net('check').then(() => true));
  await containers.expectTraffic();
}

async function expectNothing(): Promise<void> {
  expect(await host.netJson('sandbox', 'ls')).toEqual([]);
  expect(await host.netJson('ls')).toHaveLength(3);
  expect(await host.state()).toEqual(empty);
}

/** The numbers of all steps, with what each does. */
const cuts = (joinsFirst: boolean) => life(joinsFirst).steps.map(({ name }, i) => [i, name] as const);

describe.each([
  ['29, which starts containers first', false],
  ['20.10, which joins first', true],
])('to dockerd %s', (_name, joinsFirst) => {
  test('a life without a death leaves nothing', async () => {
    const { steps, containers } = life(joinsFirst);
    for (const { run } of steps) await run();
    await expectHealthy(containers);
    await expectNothing();
    await expectNoRecordsLeft();
  });

  test('a death before any step is not noticed', { timeout: 300_000 }, async () => {
    for (const [cut] of cuts(joinsFirst)) {
      const { steps, containers } = life(joinsFirst);
      for (const [i, { run }] of steps.entries()) {
        if (i === cut) {
          await restart();
          await expectHealthy(containers);
        }
        await run();
      }
      await expectNothing();
    }
    await expectNoRecordsLeft();
  });

  test('a death while dockerd works alone is not noticed', { timeout: 300_000 }, async () => {
    for (const [cut] of cuts(joinsFirst)) {
      const { steps, containers } = life(joinsFirst);
      if (steps[cut]?.isLocal !== true) continue;
      for (const [i, { run }] of steps.entries()) {
        if (i === cut) await kill();
        await run();
        if (i !== cut) continue;
        netd = await host.netd();
        await expectHealthy(containers);
      }
      await expectNothing();
    }
    await expectNoRecordsLeft();
  });

  test('a death during any call is made up for by the same call again', { timeout: 300_000 }, async () => {
    const random = new Random(seed);
    for (const [cut] of Array.from({ length: rounds }, () => cuts(joinsFirst)).flat()) {
      const { steps, containers } = life(joinsFirst);
      if (steps[cut]?.isLocal === true) continue;
      for (const [i, { run, name }] of steps.entries()) {
        if (i !== cut) {
          await run();
          continue;
        }
        const delayMs = random.below(longestDelayMs);
        const [answer] = await Promise.allSettled([
          run(),
          new Promise((resolve) => setTimeout(resolve, delayMs)).then(kill),
        ]);
        netd = await host.netd();
        if (answer.status === 'rejected') {
          totals.unanswered++;
          await run().catch((error: Error) => {
            throw new Error(`${name}, killed after ${delayMs} ms, seed ${seed}: ${error.message}`);
          });
        }
        await expectHealthy(containers);
      }
      await expectNothing();
    }
    await expectNoRecordsLeft();
  });
});
