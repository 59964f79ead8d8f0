// netd is killed at random moments of a run of creates, connects, publishes, policies and deletes. After each start every
// acknowledged change must be there, `check` must find nothing, and the kernel must hold exactly what is recorded.
import { afterAll, expect, test } from 'vitest';
import { type Answer, askApi } from '../support/api-client.ts';
import { Random } from '../support/random.ts';
import { TestHost } from '../support/test-host.ts';

const rounds = Number(process.env['FAIRLEAD_KILL_ROUNDS'] ?? 100);
const seeds = (
  process.env['FAIRLEAD_KILL_SEEDS'] ?? `${Date.now() % 1_000_000},${(Date.now() * 7) % 1_000_003}`
)
  .split(',')
  .map(Number);
const workers = 3;
const longestLifeMs = 120;

/** What the client was told. `unknown`: asked, but never answered. */
type Certainty = 'there' | 'gone' | 'unknown';

interface Totals {
  kills: number;
  acknowledged: number;
  refused: number;
  unanswered: number;
  unansweredKept: number;
}

const totals: Totals = { kills: 0, acknowledged: 0, refused: 0, unanswered: 0, unansweredKept: 0 };

afterAll(() => {
  const { kills, acknowledged, refused, unanswered, unansweredKept } = totals;
  console.log(
    `kills: ${kills}; requests acknowledged: ${acknowledged}, refused: ${refused}, unanswered: ${unanswered}, ` +
      `of which found complete afterwards: ${unansweredKept}; seeds ${seeds.join(',')}`,
  );
});

/** What should be in the host, by what was acknowledged. Keys: `network N`, `sandbox S`, `endpoint N S`, `port P`, `policy S N`. */
class Client {
  readonly known = new Map<string, Certainty>();
  /** Of endpoints the first address, of policies the id. */
  readonly details = new Map<string, string>();
  readonly #host: TestHost;
  readonly #random: Random;
  readonly #busy = new Set<string>();

  constructor(host: TestHost, random: Random) {
    this.#host = host;
    this.#random = random;
  }

  /** Asks for one change after the other until the daemon is gone. */
  async work(): Promise<void> {
    for (;;) {
      const alive = await this.#step();
      if (!alive) return;
    }
  }

  async #step(): Promise<boolean> {
    const network = `n${this.#random.below(4)}`;
    const sandbox = `s${this.#random.below(6)}`;
    const port = String(20_000 + this.#random.below(8));
    const actions = [
      () => this.#change([`network ${network}`], 'there', 'POST', '/networks', { name: network }),
      () => this.#deleteNetwork(network),
      () => this.#change([`sandbox ${sandbox}`], 'there', 'POST', '/sandboxes', { name: sandbox }),
      () => this.#deleteSandbox(sandbox),
      () => this.#connect(network, sandbox),
      () => this.#connect(network, sandbox),
      () => this.#connect(network, sandbox, port),
      () => this.#disconnect(network, sandbox),
      () => this.#allow(network, sandbox),
      () => this.#deletePolicy(network, sandbox),
    ];
    return (await this.#random.pick(actions)?.()) ?? true;
  }

  #connect(network: string, sandbox: string, port?: string): Promise<boolean> {
    const key = `endpoint ${network} ${sandbox}`;
    const body = { target: sandbox, ...(port !== undefined && { ports: [`${port}:80`] }) };
    const keys = port === undefined ? [key] : [key, `port ${key} ${port}`];
    return this.#change(keys, 'there', 'POST', `/networks/${network}/connect`, body, (answer) => {
      this.details.set(key, answer.body.addresses[0]);
    });
  }

  #disconnect(network: string, sandbox: string): Promise<boolean> {
    const key = `endpoint ${network} ${sandbox}`;
    return this.#change(this.#withPorts([key]), 'gone', 'POST', `/networks/${network}/disconnect`, {
      target: sandbox,
    });
  }

  #allow(network: string, sandbox: string): Promise<boolean> {
    const key = `policy ${sandbox} ${network}`;
    const body = { from: `sandbox:${sandbox}`, to: `network:${network}:80` };
    return this.#change([key], 'there', 'POST', '/policies', body, (answer) => {
      this.details.set(key, answer.body.id);
    });
  }

  #deletePolicy(network: string, sandbox: string): Promise<boolean> {
    const key = `policy ${sandbox} ${network}`;
    return this.#change([key], 'gone', 'DELETE', `/policies/${this.details.get(key) ?? 'none'}`);
  }

  #deleteSandbox(sandbox: string): Promise<boolean> {
    const endpoints = [...this.known.keys()].filter(
      (key) => key.startsWith('endpoint') && key.endsWith(` ${sandbox}`),
    );
    return this.#change(
      this.#withPorts([`sandbox ${sandbox}`, ...endpoints, ...this.#policiesOf(sandbox)]),
      'gone',
      'DELETE',
      `/sandboxes/${sandbox}`,
    );
  }

  #deleteNetwork(network: string): Promise<boolean> {
    const keys = [`network ${network}`, ...this.#policiesOf(network)];
    return this.#change(keys, 'gone', 'DELETE', `/networks/${network}`);
  }

  #policiesOf(object: string): readonly string[] {
    return [...this.known.keys()].filter(
      (key) => key.startsWith('policy') && key.split(' ').includes(object),
    );
  }

  #withPorts(keys: readonly string[]): readonly string[] {
    const ports = [...this.known.keys()].filter((key) =>
      keys.some((owner) => key.startsWith(`port ${owner} `)),
    );
    return [...keys, ...ports];
  }

  /** False when the daemon did not answer. Two requests about one object are never under way at once. */
  async #change(
    keys: readonly string[],
    result: Certainty,
    method: string,
    path: string,
    body?: object,
    learn: (answer: Answer) => void = () => {},
  ): Promise<boolean> {
    const objects = new Set(keys.flatMap((key) => key.split(' ').filter((word) => /^[ns]\d$/.test(word))));
    if ([...objects].some((object) => this.#busy.has(object)))
      return new Promise((resolve) => setImmediate(resolve, true));
    for (const object of objects) this.#busy.add(object);
    const before = keys.map((key) => [key, this.known.get(key)] as const);
    for (const key of keys) this.known.set(key, 'unknown');
    try {
      const answer = await askApi(this.#host, method, path, body);
      if (answer.status >= 500)
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      if (answer.status >= 400) {
        totals.refused++;
        for (const [key, certainty] of before)
          certainty === undefined ? this.known.delete(key) : this.known.set(key, certainty);
      } else {
        totals.acknowledged++;
        for (const key of keys) this.known.set(key, result);
        learn(answer);
      }
      return true;
    } catch (error) {
      if (error instanceof Error && /: 5\d\d /.test(error.message)) throw error;
      totals.unanswered++;
      return false;
    } finally {
      for (const object of objects) this.#busy.delete(object);
    }
  }

  /** Holds what the daemon says against what was acknowledged, and learns what became of the rest. */
  settle(actual: ReadonlyMap<string, string | undefined>): void {
    for (const [key, certainty] of this.known) {
      if (certainty === 'unknown' && actual.has(key)) totals.unansweredKept++;
      else if (certainty === 'unknown') continue;
      else expect([key, actual.has(key) ? 'there' : 'gone']).toEqual([key, certainty]);
      const detail = this.details.get(key);
      if (certainty === 'there' && detail !== undefined)
        expect([key, actual.get(key)]).toEqual([key, detail]);
    }
    for (const key of actual.keys()) expect(this.known.has(key), `${key} was never asked for`).toBe(true);
    this.known.clear();
    for (const [key, detail] of actual) {
      this.known.set(key, 'there');
      if (detail !== undefined) this.details.set(key, detail);
    }
  }
}

/** Every object the daemon lists, apart from the built-in networks; endpoints with their first address, policies with their id. */
async function listed(host: TestHost): Promise<Map<string, string | undefined>> {
  const [networks, sandboxes, policies] = await Promise.all([
    askApi(host, 'GET', '/networks'),
    askApi(host, 'GET', '/sandboxes'),
    askApi(host, 'GET', '/policies'),
  ]);
  const objects = new Map<string, string | undefined>();
  for (const network of networks.body) {
    expect(network.pending, `network ${network.name} is pending`).toBeUndefined();
    if (!network.builtin) objects.set(`network ${network.name}`, undefined);
  }
  for (const { id, from, to } of policies.body) objects.set(`policy ${from.name} ${to.name}`, id);
  for (const sandbox of sandboxes.body) {
    expect(sandbox.pending, `sandbox ${sandbox.name} is pending`).toBeUndefined();
    objects.set(`sandbox ${sandbox.name}`, undefined);
    for (const endpoint of sandbox.endpoints) {
      const key = `endpoint ${endpoint.networkName} ${sandbox.name}`;
      expect(endpoint.pending, `${key} is pending`).toBeUndefined();
      objects.set(key, endpoint.addresses[0]);
      for (const port of endpoint.ports) objects.set(`port ${key} ${port.hostPort}`, undefined);
    }
  }
  return objects;
}

/** The kernel must hold exactly what is listed: bridges, host ends, pins, interfaces and addresses inside, elements, sockets. */
async function expectKernelMatches(host: TestHost): Promise<void> {
  const [networks, sandboxes] = await Promise.all([
    askApi(host, 'GET', '/networks'),
    askApi(host, 'GET', '/sandboxes'),
  ]);
  const endpoints = sandboxes.body.flatMap((sandbox: { endpoints: readonly object[] }) => sandbox.endpoints);
  const bridges = networks.body.filter((network: { driver: string }) => network.driver === 'bridge');

  const links = await host.shell('ip -o link show type bridge; ip -o link show type veth');
  const names = links.split('\n').map((line) => line.split(/:? /)[1]?.replace(/@.*/, ''));
  const wanted = [
    ...bridges.map(({ options }: { options: { bridge: string } }) => options.bridge),
    ...endpoints.map(({ id }: { id: string }) => `fv${id.slice(0, 10)}`),
  ];
  expect(names.sort()).toEqual(wanted.sort());

  const pins = (await host.shell('ls /run/netns')).split('\n').filter(Boolean);
  expect(pins.sort()).toEqual(sandboxes.body.map(({ name }: { name: string }) => name).sort());

  const script =
    'for n in $(ls /run/netns); do ip netns exec $n ip -o -4 addr show scope global | sed "s/^/$n /"; done';
  const inside = (await host.shell(script)).split('\n').filter(Boolean);
  const found = inside.map(
    (line) => `${line.split(/\s+/)[0]} ${line.split(/\s+/)[2]} ${line.split(/\s+/)[4]}`,
  );
  const expected = endpoints.map(
    (endpoint: { sandboxName: string; ifname: string; addresses: readonly string[] }) =>
      `${endpoint.sandboxName} ${endpoint.ifname} ${endpoint.addresses[0]}`,
  );
  expect(found.sort()).toEqual(expected.sort());

  const ports: readonly number[] = endpoints
    .flatMap((endpoint: { ports: readonly { hostPort: number }[] }) => endpoint.ports)
    .map(({ hostPort }: { hostPort: number }) => hostPort);
  const listening = (await host.shell('ss -Htln | grep -oE ":20[0-9]{3}" || true'))
    .split('\n')
    .filter(Boolean);
  // One socket holds a port of every address over both families.
  expect(listening.map((text) => Number(text.slice(1))).sort()).toEqual([...new Set(ports)].sort());
  const ruleset = await host.run(['nft', 'list', 'table', 'inet', 'fairlead']);
  for (const port of [20_000, 20_001, 20_002, 20_003, 20_004, 20_005, 20_006, 20_007]) {
    expect([port, ruleset.includes(`. ${port} :`)]).toEqual([port, ports.includes(port)]);
  }
}

test.concurrent.each(seeds)(
  'nothing acknowledged is lost and nothing else is left, whenever netd is killed (seed %i)',
  async (seed) => {
    await using host = await TestHost.start(`kill-${seed}`);
    const random = new Random(seed);
    const client = new Client(host, random);
    for (let round = 0; round < rounds; round++) {
      const netd = await host.netd();
      client.settle(await listed(host));
      const { body } = await askApi(host, 'GET', '/check');
      expect(body.differences).toEqual([]);
      await expectKernelMatches(host);
      const working = Promise.all(Array.from({ length: workers }, () => client.work()));
      const lifeMs = random.below(longestLifeMs);
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      await netd.kill9();
      totals.kills++;
      await working;
    }
  },
  600_000,
);
