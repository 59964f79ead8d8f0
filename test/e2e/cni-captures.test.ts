// What container runtimes really asked of the reference plugins, asked of ours on a real kernel: every request succeeds, and
// what an ADD prints has the shape the runtime got then.
import { expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';
import { type Capture, readCaptures } from '../unit/cni/captures.ts';

const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;

interface Configuration {
  readonly name: string;
  readonly type: string;
  readonly prevResult?: object;
}

/** Requests for one network, in the order they were recorded; those of IPAM plugins are ours to answer within the others. */
function networks(): ReadonlyMap<string, readonly Capture[]> {
  const groups = new Map<string, Capture[]>();
  for (const capture of readCaptures()) {
    const { name = '' } = configurationOf(capture);
    if (name === '' || capture.title.includes(': host-local ')) continue;
    const group = `${capture.title.split(' ')[0]} ${name}`;
    groups.set(group, [...(groups.get(group) ?? []), capture]);
  }
  return groups;
}

function configurationOf({ body }: Capture): Configuration {
  return JSON.parse(body.configuration);
}

/** The containers of one network, as a runtime keeps them. */
class Containers {
  readonly #host: TestHost;
  readonly #network: object;
  /** The last result by container and interface. */
  readonly #results = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #namespaces = new Set<string>();

  /** @param captures among them one of the first element of the chain. */
  constructor(host: TestHost, captures: readonly Capture[]) {
    this.#host = host;
    const first = captures.find((capture) => ['bridge', 'loopback'].includes(configurationOf(capture).type));
    this.#network = first === undefined ? {} : { ...configurationOf(first), prevResult: undefined };
  }

  async replay(capture: Capture): Promise<void> {
    const { environment } = capture.body;
    const configuration = configurationOf(capture);
    const key = `${environment['CNI_CONTAINERID']} ${environment['CNI_IFNAME']}`;
    const command = environment['CNI_COMMAND'] ?? '';
    const isLater = configuration.prevResult !== undefined;
    // One request of each shape was recorded, so what came before a later element may not be among them.
    if (isLater && command !== 'DEL' && !this.#results.has(key)) {
      await this.#call('ADD', environment, this.#network, key);
    }
    const result = this.#results.get(key);
    const prevResult = isLater ? { prevResult: result ?? configuration.prevResult } : {};
    if (!isLater && command === 'ADD' && result !== undefined) {
      await this.#call('DEL', environment, this.#network, key);
    }
    const printed = await this.#call(command, environment, { ...configuration, ...prevResult }, key);
    if (command !== 'ADD') return expect(printed).toBeUndefined();
    const then = JSON.parse(capture.stdout);
    expect(printed).toMatchObject({ cniVersion: then.cniVersion });
    expect(shapeOf(printed)).toEqual(shapeOf(then));
  }

  async leave(): Promise<void> {
    for (const key of this.#results.keys()) {
      const [containerId = '', ifname = ''] = key.split(' ');
      await this.#call('DEL', { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname }, this.#network, key);
    }
  }

  async #call(
    command: string,
    environment: Capture['body']['environment'],
    configuration: object,
    key: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const container = environment['CNI_CONTAINERID'] ?? '';
    const netns = container === '' ? '' : await this.#namespace(container);
    const env = { CNI_PATH: '/opt/cni/bin', ...environment, CNI_COMMAND: command, CNI_NETNS: netns };
    const input = JSON.stringify(configuration);
    const { status, stdout, stderr } = await this.#host.attempt([executable], { env, input });
    expect({ command, configuration, status, stdout, stderr }).toMatchObject({ status: 0 });
    const printed = stdout.trim() === '' ? undefined : JSON.parse(stdout);
    if (command === 'ADD') this.#results.set(key, printed);
    if (command === 'DEL') this.#results.delete(key);
    return printed;
  }

  async #namespace(container: string): Promise<string> {
    const name = container.slice(0, 20);
    if (!this.#namespaces.has(name)) await this.#host.shell(`ip netns add ${name}`);
    this.#namespaces.add(name);
    return `/run/netns/${name}`;
  }
}

/** The parts of a result that do not depend on the machine: interfaces by kind, families of addresses, routes. */
function shapeOf(result: unknown) {
  const {
    interfaces = [],
    ips = [],
    routes = [],
  } = result as {
    interfaces?: readonly { name: string; sandbox?: string }[];
    ips?: readonly { address: string; gateway?: string; interface?: number }[];
    routes?: readonly { dst: string }[];
  };
  const inside = interfaces.filter(({ sandbox }) => sandbox !== undefined);
  return {
    inside: inside.map(({ name }) => name),
    addresses: ips.map(({ address, gateway, interface: index }) => ({
      family: address.includes(':') ? 6 : 4,
      prefix: address.split('/')[1],
      gateway,
      interface: index === undefined ? undefined : interfaces[index]?.name,
    })),
    routes: routes.map(({ dst }) => dst).sort(),
  };
}

test.each([...networks()])('%s', { timeout: 120_000 }, async (_, captures) => {
  await using host = await TestHost.start();
  await host.netd();
  const containers = new Containers(host, captures);
  for (const capture of captures) await containers.replay(capture);
  await containers.leave();
  expect(JSON.parse(await host.net('sandbox', 'ls', '--format', 'json'))).toEqual([]);
  expect(await host.tryNet('check')).toMatchObject({ status: 0 });
});
