// netd is killed at random moments while containers are attached and detached. Runtimes are never refused a deletion; after
// each start every acknowledged attachment is there, every deletion is done, and in the end nothing is left.
import { afterAll, expect, test } from 'vitest';
import { askApi } from '../support/api-client.ts';
import { busyboxImage, serve } from '../support/engines/busybox-image.ts';
import { fairleadConfiguration, installNetwork } from '../support/engines/cni-plugins.ts';
import { CniRuntime } from '../support/engines/cni-runtime.ts';
import { Containerd } from '../support/engines/containerd.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import { Random } from '../support/random.ts';
import { type HostState, type Netd, TestHost } from '../support/test-host.ts';

const seed = Number(process.env['FAIRLEAD_KILL_SEEDS']?.split(',')[0] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['FAIRLEAD_KILL_ROUNDS'] ?? 40);
const podRounds = Math.ceil(rounds / 8);
const workers = 3;
const longestLifeMs = 150;
/** How often a runtime asks a daemon that is gone. */
const callsAfterDeath = 3;
/** "Try again" of the CNI specification. */
const tryAgain = 11;
const firstHostPort = 20_000;
const configuration = fairleadConfiguration({ name: 'lab', bridge: 'lab0', subnet: '10.88.0.0/24' });
const containers = Array.from({ length: 12 }, (_, i) => `c${i}`);

const totals = { kills: 0, attached: 0, detached: 0, detachedLater: 0, refused: 0 };

afterAll(() => {
  const { kills, attached, detached, detachedLater, refused } = totals;
  console.log(
    `kills: ${kills}; attached: ${attached}, detached: ${detached}, of which without netd: ${detachedLater}; ` +
      `refused: ${refused}; seed ${seed}`,
  );
});

/** What the runtime may rely on. `unknown`: an ADD was not acknowledged. */
type Known = { readonly state: 'gone' | 'unknown' } | { readonly state: 'there'; readonly address: string };

/** Attaches and detaches, and knows what it was told. */
class Client {
  readonly known = new Map<string, Known>(containers.map((container) => [container, { state: 'gone' }]));
  readonly #runtime: CniRuntime;
  readonly #random: Random;
  readonly #busy = new Set<string>();

  constructor(runtime: CniRuntime, random: Random) {
    this.#runtime = runtime;
    this.#random = random;
  }

  /** Makes one call after the other until some of them met a dead daemon. */
  async work(isDead: () => boolean): Promise<void> {
    for (let left = callsAfterDeath; left > 0; ) {
      if (isDead()) left--;
      const container = this.#random.pick(containers.filter((each) => !this.#busy.has(each))) ?? '';
      this.#busy.add(container);
      try {
        if (this.known.get(container)?.state === 'gone') await this.#add(container);
        else await this.delete(container, isDead);
      } finally {
        this.#busy.delete(container);
      }
    }
  }

  async delete(container: string, isDead = () => false): Promise<void> {
    const answer = await this.#runtime.delete(container);
    expect(answer).toEqual({ status: 0, body: undefined, stderr: '' });
    this.known.set(container, { state: 'gone' });
    totals.detached++;
    if (isDead()) totals.detachedLater++;
  }

  async #add(container: string): Promise<void> {
    this.known.set(container, { state: 'unknown' });
    const hostPort = firstHostPort + containers.indexOf(container);
    const portMappings = [{ hostPort, containerPort: 80, protocol: 'tcp' }];
    const { status, body } = await this.#runtime.add(container, { runtimeConfig: { portMappings } });
    if (status === 0) {
      this.known.set(container, { state: 'there', address: body.ips[0].address });
      totals.attached++;
    } else {
      expect(body).toMatchObject({ code: tryAgain });
      totals.refused++;
    }
  }
}

/** Address in each namespace that has one, as the kernel has it. */
async function kernelAddresses(host: TestHost): Promise<ReadonlyMap<string, string>> {
  const show = 'ip -n $name -o -4 address show scope global | sed "s/^/$name /"';
  const lines = (await host.shell(`for name in ${containers.join(' ')}; do ${show}; done`)).split('\n');
  const words = lines.filter(Boolean).map((line) => line.split(/\s+/));
  return new Map(words.map(([name = '', , , , address = '']) => [name, address]));
}

async function recordedAddresses(host: TestHost): Promise<ReadonlyMap<string, string>> {
  const { body } = await askApi(host, 'GET', '/endpoints');
  const endpoints = body as { sandboxName: string; addresses: readonly [string] }[];
  return new Map(endpoints.map(({ sandboxName, addresses: [address] }) => [sandboxName, address]));
}

async function expectAcknowledged(host: TestHost, known: ReadonlyMap<string, Known>): Promise<void> {
  expect((await askApi(host, 'GET', '/check')).body.differences).toEqual([]);
  const [kernel, recorded] = await Promise.all([kernelAddresses(host), recordedAddresses(host)]);
  expect(recorded).toEqual(kernel);
  for (const [container, each] of known) {
    if (each.state === 'unknown') continue;
    expect([container, kernel.get(container)]).toEqual([
      container,
      each.state === 'there' ? each.address : undefined,
    ]);
  }
}

/** Kills the daemon some time from now; the answer says whether it is dead. */
function killLater(
  netd: Netd,
  random: Random,
): { readonly isDead: () => boolean; readonly killed: Promise<void> } {
  let dead = false;
  const life = new Promise((resolve) => setTimeout(resolve, random.below(longestLifeMs)));
  const killed = life.then(async () => {
    await netd.kill9();
    dead = true;
    totals.kills++;
  });
  return { isDead: () => dead, killed };
}

test('calls of the plugin survive every death of netd', { timeout: 600_000 }, async () => {
  await using host = await TestHost.start();
  const random = new Random(seed);
  const runtime = new CniRuntime(host, configuration);
  const client = new Client(runtime, random);
  await installNetwork(host, configuration);
  await runtime.makeNamespaces(containers);
  let empty: HostState | undefined;
  for (let round = 0; round < rounds; round++) {
    const netd = await host.netd();
    empty ??= await host.state();
    await expectAcknowledged(host, client.known);
    const { isDead, killed } = killLater(netd, random);
    await Promise.all([killed, ...Array.from({ length: workers }, () => client.work(isDead))]);
  }
  await host.netd();
  for (const container of containers) await client.delete(container);
  await expectAcknowledged(host, client.known);
  // Where no netd lived long enough to make the network, one does now.
  const [first = ''] = containers;
  expect((await runtime.add(first)).status).toBe(0);
  expect((await runtime.delete(first)).status).toBe(0);
  expect(await host.netJson('sandbox', 'ls')).toEqual([]);
  await host.net('rm', configuration.name);
  await host.net('check');
  expect(await host.state()).toEqual(empty);
});

test('a container attached while netd starts is not detached by a deletion from before', async () => {
  await using host = await TestHost.start();
  const runtime = new CniRuntime(host, configuration);
  await installNetwork(host, configuration);
  await runtime.makeNamespaces(containers);
  const netd = await host.netd();
  const attach = async (container: string): Promise<readonly [string, string]> => {
    let answer = await runtime.add(container);
    while (answer.body?.code === tryAgain) answer = await runtime.add(container);
    return [container, answer.body?.ips?.[0].address];
  };
  await Promise.all(containers.map(attach));
  await netd.kill9();
  await Promise.all(containers.map((container) => runtime.delete(container)));
  const started = host.netd();
  const attached = await Promise.all(containers.map(attach));
  await started;
  expect(await kernelAddresses(host)).toEqual(new Map(attached));
});

test('pods of containerd survive every death of netd', { timeout: 600_000 }, async () => {
  const host = await TestHost.start();
  const groups = await ControlGroups.start(host);
  const random = new Random(seed);
  try {
    let netd = await host.netd();
    await installNetwork(host, configuration);
    const { cri } = await Containerd.start(host, groups);
    const anchor = await runPod(cri, 'anchor');
    const before = await host.state();
    for (let round = 0; round < podRounds; round++) {
      const { killed } = killLater(netd, random);
      const names = Array.from({ length: workers }, (_, i) => `pod-${round}-${i}`);
      const started = await Promise.allSettled(names.map((name) => runPod(cri, name)));
      await killed;
      const pods = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      totals.attached += pods.length;
      totals.refused += started.length - pods.length;
      if (round % 2 === 0) netd = await host.netd();
      await Promise.all(pods.map((pod) => cri.stopPod(pod)));
      await Promise.all(pods.map((pod) => cri.removePod(pod)));
      totals.detached += pods.length;
      if (round % 2 === 1) netd = await host.netd();
      await host.net('check');
      const sandboxes = await host.netJson<{ name: string }[]>('sandbox', 'ls');
      expect(sandboxes.map(({ name }) => name)).toEqual(['anchor.default']);
      expect(await host.state()).toEqual(before);
    }
    await cri.stopPod(anchor);
    await cri.removePod(anchor);
  } finally {
    await host[Symbol.asyncDispose]();
    await groups[Symbol.asyncDispose]();
  }
});

async function runPod(cri: Containerd['cri'], name: string): Promise<string> {
  const config = { metadata: { name, uid: name, namespace: 'default' } };
  const id = await cri.runPod(config);
  await cri.runContainer({ id, config }, 'server', busyboxImage, serve(name));
  return id;
}
