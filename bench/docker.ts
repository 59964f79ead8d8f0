// Docker's containers on a network of netd's driver beside a network of Docker's own bridge driver, on the same dockerd: connecting,
// disconnecting, running, creating. dockerd is asked through its API, so that starting its command line burdens nobody.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { busyboxImage } from '../test/support/engines/busybox-image.ts';
import { ControlGroups } from '../test/support/engines/control-groups.ts';
import { Dockerd } from '../test/support/engines/dockerd.ts';
import { TestHost } from '../test/support/test-host.ts';
import { DockerApi } from './support/docker-api.ts';
import { printMark, printRatio, printSummary, type Summary, timeMs } from './support/figures.ts';

const rounds = 30;
const warmUp = 5;
/** What an engine clears away after it has answered does not burden the next. */
const pauseMs = 60;
const pluginFolder = '/run/docker/plugins';

const actions = [
  'network connect',
  'network disconnect',
  'run --rm true',
  'network create',
  'network rm',
] as const;
type Action = (typeof actions)[number];

/** One network to be on, and the way to make another. */
class Side {
  readonly name: string;
  readonly times: Record<Action, number[]> = {
    'network connect': [],
    'network disconnect': [],
    'run --rm true': [],
    'network create': [],
    'network rm': [],
  };
  readonly #docker: DockerApi;
  readonly #driver: object;

  constructor(name: string, docker: DockerApi, driver: object) {
    this.name = name;
    this.#docker = docker;
    this.#driver = driver;
  }

  /** The container's first network is another, whose name comes first: its way out stays the same. */
  async prepare(): Promise<void> {
    await this.#createNetwork(`on-${this.name}`);
  }

  async measure(): Promise<void> {
    const docker = this.#docker;
    const network = `on-${this.name}`;
    const other = `other-${this.name}`;
    await this.#time('network connect', () => this.connect());
    await this.#time('network disconnect', () => this.disconnect());
    await this.#time('run --rm true', () => docker.runToEnd(network));
    await this.#time('network create', () => this.#createNetwork(other));
    await this.#time('network rm', () => docker.must('DELETE', `/networks/${other}`));
  }

  connect(): Promise<unknown> {
    return this.#docker.must('POST', `/networks/on-${this.name}/connect`, { Container: 'guest' });
  }

  disconnect(): Promise<unknown> {
    return this.#docker.must('POST', `/networks/on-${this.name}/disconnect`, { Container: 'guest' });
  }

  summary(action: Action): Summary {
    return printSummary(`${this.name}: ${action}`, this.times[action].slice(warmUp), 'ms');
  }

  async #time(action: Action, work: () => Promise<unknown>): Promise<void> {
    this.times[action].push(await timeMs(work));
    await pause();
  }

  #createNetwork(Name: string): Promise<unknown> {
    return this.#docker.must('POST', '/networks/create', { Name, ...this.#driver });
  }
}

interface Answered {
  readonly method: string;
  readonly ms: number;
}

/** Stands between dockerd and netd, passes on bytes, and notes how long netd takes to answer. */
class Recorder {
  readonly #host: TestHost;
  readonly #answered: Answered[] = [];

  constructor(host: TestHost) {
    this.#host = host;
  }

  /** dockerd knows the driver by the name of the socket. */
  async listen(driver: string): Promise<Server> {
    const folder = `/proc/${this.#host.pid}/root${pluginFolder}`;
    const server = createServer((dockerd) => this.#record(dockerd, connect(`${folder}/fairlead.sock`)));
    await new Promise<void>((resolve) => server.listen(`${folder}/${driver}.sock`, resolve));
    return server;
  }

  /** On one connection dockerd asks only when it has been answered. */
  #record(dockerd: Socket, netd: Socket): void {
    let asked: { readonly method: string; readonly at: number } | undefined;
    dockerd.on('data', (request) => {
      asked ??= { method: /^POST \/(\S+)/.exec(request.toString())?.[1] ?? '', at: performance.now() };
      netd.write(request);
    });
    netd.on('data', (answer) => {
      if (asked !== undefined) {
        this.#answered.push({ method: asked.method, ms: performance.now() - asked.at });
      }
      asked = undefined;
      dockerd.write(answer);
    });
    for (const [one, other] of [
      [dockerd, netd],
      [netd, dockerd],
    ] as const) {
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
    }
  }

  /** What was answered since the last time this was asked. */
  take(): readonly Answered[] {
    return this.#answered.splice(0);
  }
}

const host = await TestHost.start('docker');
const groups = await ControlGroups.start(host);
try {
  await host.netd();
  await Dockerd.start(host, groups);
  const docker = new DockerApi(host);
  await docker.must('POST', '/networks/create', { Name: 'first', Driver: 'bridge' });
  await docker.must('POST', '/containers/create?name=guest', {
    Image: busyboxImage,
    HostConfig: { NetworkMode: 'first' },
  });
  await docker.must('POST', '/containers/guest/start');
  const ours = new Side('fairlead', docker, driverOf('fairlead'));
  const theirs = new Side('bridge', docker, { Driver: 'bridge' });
  for (const side of [ours, theirs]) await side.prepare();
  for (let round = 0; round < warmUp + rounds; round++) {
    for (const side of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await side.measure();
  }
  const share = await measureShare(docker);
  const both = { own: 0, peer: 0 };
  for (const action of actions) {
    const [own, peer] = [ours.summary(action), theirs.summary(action)];
    printMark(`${action}, median: fairlead / bridge`, own.median / peer.median, 1);
    if (!action.endsWith('connect')) continue;
    both.own += own.median;
    both.peer += peer.median;
  }
  printRatio('network connect and disconnect: fairlead / bridge', both.own / both.peer);
  printMark('netd’s share of a network connect, median', share.median, 3, 'ms');
} finally {
  await host[Symbol.asyncDispose]();
  await groups[Symbol.asyncDispose]();
}

async function measureShare(docker: DockerApi): Promise<Summary> {
  const recorder = new Recorder(host);
  const server = await recorder.listen('recorded');
  const side = new Side('recorded', docker, driverOf('recorded'));
  await side.prepare();
  const connects: (readonly Answered[])[] = [];
  for (let round = 0; round < warmUp + rounds; round++) {
    recorder.take();
    await side.connect();
    connects.push(recorder.take());
    await pause();
    await side.disconnect();
    await pause();
  }
  server.close();
  const measured = connects.slice(warmUp);
  for (const method of new Set(measured.flat().map((each) => each.method))) {
    printSummary(
      `netd answers ${method}`,
      msOf(measured.flat().filter((each) => each.method === method)),
      'ms',
    );
  }
  const sums = measured.map((answered) => msOf(answered).reduce((sum, ms) => sum + ms, 0));
  return printSummary('netd answers all of a network connect', sums, 'ms');
}

function msOf(answered: readonly Answered[]): readonly number[] {
  return answered.map(({ ms }) => ms);
}

function driverOf(name: string): object {
  return { Driver: name, IPAM: { Driver: name } };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
