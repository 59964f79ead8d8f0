// Real etcd on loopback: one member or three, with what they keep in a directory that goes with them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EtcdAddress } from '../../src/cluster/etcd/etcd-url.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);

export interface EtcdServersOptions {
  /** Default: one. */
  readonly members?: 1 | 3;
  /** Clients speak TLS and show a certificate. */
  readonly tls?: boolean;
}

/** Of PEM. */
export interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Member {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly address: EtcdAddress;
  process: ChildProcess | undefined;
}

export class EtcdServers implements AsyncDisposable {
  readonly certificates: Certificates | undefined;
  readonly #directory: string;
  readonly #members: readonly Member[];

  private constructor(directory: string, members: readonly Member[], certificates?: Certificates) {
    this.#directory = directory;
    this.#members = members;
    this.certificates = certificates;
  }

  static async start({ members = 1, tls = false }: EtcdServersOptions = {}): Promise<EtcdServers> {
    const directory = await mkdtemp(join(tmpdir(), 'etcd-'));
    const certificates = tls ? await makeCertificates(directory) : undefined;
    const ports = await freePorts(2 * members);
    const all = Array.from({ length: members }, (_, index): Member => {
      const [clientPort = 0, peerPort = 0] = ports.slice(2 * index);
      return {
        name: `m${index}`,
        clientUrl: `${tls ? 'https' : 'http'}://127.0.0.1:${clientPort}`,
        peerUrl: `http://127.0.0.1:${peerPort}`,
        address: { host: '127.0.0.1', port: clientPort },
        process: undefined,
      };
    });
    const servers = new EtcdServers(directory, all, certificates);
    try {
      await servers.startAll();
      return servers;
    } catch (error) {
      await servers[Symbol.asyncDispose]();
      throw error;
    }
  }

  get addresses(): readonly EtcdAddress[] {
    return this.#members.map(({ address }) => address);
  }

  get urls(): readonly string[] {
    return this.#members.map(({ clientUrl }) => clientUrl);
  }

  /** Those that do not run, with what they had. Resolves when they answer. */
  async startAll(): Promise<void> {
    for (const [index, { process }] of this.#members.entries()) if (process === undefined) this.spawn(index);
    await Promise.all(this.#members.map((_, index) => this.healthy(index)));
  }

  /** As `startAll` for one, which may need others before it answers. */
  spawn(index: number): void {
    const member = this.#member(index);
    const child = spawn('etcd', this.#flags(member), { stdio: ['ignore', 'ignore', 'inherit'] });
    member.process = child;
    child.on('exit', () => {
      if (member.process === child) member.process = undefined;
    });
  }

  async healthy(index: number): Promise<void> {
    const { name, process } = this.#member(index);
    await waitUntil(
      `etcd ${name} is healthy`,
      async () => {
        if (process?.exitCode !== null) throw new Error(`it has ended: ${process?.exitCode}`);
        await this.ctl(['endpoint', 'health'], index);
        return true;
      },
      { timeoutMs: 25_000, intervalMs: 100 },
    );
  }

  /** As a power cut. */
  async kill(index: number): Promise<void> {
    const { process } = this.#member(index);
    if (process === undefined) return;
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.kill(index)));
  }

  /** As a machine that hangs: connections to it stay, and nothing is answered. */
  async pause(index: number): Promise<void> {
    const { process } = this.#member(index);
    process?.kill('SIGSTOP');
    await waitUntil('every thread of it stands still', () => threadsStand(process?.pid));
  }

  resume(index: number): void {
    this.#member(index).process?.kill('SIGCONT');
  }

  async leader(): Promise<number> {
    return waitUntil('a leader is elected', async () => {
      for (const index of this.#members.keys()) {
        const text = await this.ctl(['endpoint', 'status', '-w', 'json'], index).catch(() => '');
        const status = /"member_id":(\d+).*"leader":(\d+)/.exec(text);
        if (status !== null && status[1] === status[2]) return index + 1;
      }
      return false;
    }).then((number) => number - 1);
  }

  /** Runs etcdctl against one member; returns what it prints. */
  async ctl(args: readonly string[], index = 0): Promise<string> {
    const files = ['cacert', 'cert', 'key'].map(
      (name) => `--${name}=${join(this.#directory, `${name}.pem`)}`,
    );
    const all = [
      `--endpoints=${this.#member(index).clientUrl}`,
      ...(this.certificates ? files : []),
      ...args,
    ];
    const { stdout } = await run('etcdctl', all, { env: { ...process.env, ETCDCTL_API: '3' } });
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #flags({ name, clientUrl, peerUrl }: Member): readonly string[] {
    const file = (of: string) => join(this.#directory, `${of}.pem`);
    const tls = ['--client-cert-auth', `--trusted-ca-file=${file('cacert')}`];
    return [
      ...[`--name=${name}`, `--data-dir=${join(this.#directory, name)}`],
      ...[`--listen-client-urls=${clientUrl}`, `--advertise-client-urls=${clientUrl}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      `--initial-cluster=${this.#members.map((member) => `${member.name}=${member.peerUrl}`).join(',')}`,
      ...['--logger=zap', '--log-level=fatal', '--experimental-watch-progress-notify-interval=1s'],
      ...(this.certificates ? [...tls, `--cert-file=${file('cert')}`, `--key-file=${file('key')}`] : []),
    ];
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member === undefined) throw new Error(`there is no member ${index}`);
    return member;
  }
}

/** One certificate, signed by an authority of its own, for servers and clients at 127.0.0.1. */
async function makeCertificates(directory: string): Promise<Certificates> {
  const file = (name: string) => join(directory, `${name}.pem`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  const openssl = (...args: readonly string[]) => run('openssl', args);
  await openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=authority'],
    ...['-keyout', file('cakey'), '-out', file('cacert')],
  );
  await openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=etcd'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE'],
    ...['-CA', file('cacert'), '-CAkey', file('cakey'), '-keyout', file('key'), '-out', file('cert')],
  );
  const [ca, cert, key] = await Promise.all(['cacert', 'cert', 'key'].map((name) => readFile(file(name))));
  if (!ca || !cert || !key) throw new Error('no certificates');
  return { ca, cert, key };
}

/** Nobody listens there; whoever asks at the same time gets others. */
async function freePorts(count: number): Promise<readonly number[]> {
  const listening = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listening.map((server) => server.listening || once(server, 'listening')));
  const ports = listening.map((server) => (server.address() as { port: number }).port);
  await Promise.all(listening.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The signal reaches them one after the other (man 7 signal). */
function threadsStand(pid: number | undefined): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
}
