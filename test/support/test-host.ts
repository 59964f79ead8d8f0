// A throw-away "host": its own network, mounts, processes and name, in which a real netd can run. Nothing in it is seen
// outside, and nothing of it is left when it is disposed of, or when the test dies. Any number may run side by side.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type CommandResult, HostProcess, type ProcessOptions } from './host-process.ts';

const execute = promisify(execFile);
const repository = new URL('../../', import.meta.url).pathname;

/** A netd that answers. */
export interface Netd {
  /** From outside the host. */
  readonly pid: number;
  readonly process: HostProcess;
  /** SIGTERM; resolves with what it printed when it has ended. */
  stop(): Promise<CommandResult>;
  /** SIGKILL. */
  kill9(): Promise<void>;
}

/**
 * Whoever pins the first namespace makes /run/netns a mount for good, as ip-netns(8) does, and podman its store when it uses it.
 */
const comingAndGoing = ['/run/netns', '/var/lib/containers/storage/overlay'];

/**
 * What can be seen of a host's network: equal before and after when nothing was left. `mounts` is without those that come and go
 * by other programs' ways.
 */
export interface HostState {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  readonly ruleset: readonly string[];
}

export class TestHost implements AsyncDisposable {
  readonly name: string;
  /** The host's first process, as seen from outside. */
  readonly pid: number;
  readonly #letGo: () => Promise<void>;

  private constructor(name: string, pid: number, letGo: () => Promise<void>) {
    this.name = name;
    this.pid = pid;
    this.#letGo = letGo;
  }

  /** A host with loopback up and no other interface. */
  static async start(name = 'host'): Promise<TestHost> {
    const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--propagation', 'private'];
    const init = ['bash', `${repository}test/support/host-init.sh`, name];
    const holder = spawn('unshare', [...namespaces, '--fork', '--kill-child', ...init]);
    const ended = once(holder, 'close');
    let errors = '';
    holder.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    for await (const line of createInterface(holder.stdout)) {
      if (!line.startsWith('ready ')) continue;
      return new TestHost(name, Number(line.slice('ready '.length)), async () => {
        holder.stdin.end();
        await ended;
      });
    }
    throw new Error(`host ${name} did not start: ${errors}`);
  }

  /** Starts a command and leaves it running. */
  spawn(command: readonly string[], options: ProcessOptions = {}): HostProcess {
    return new HostProcess(this.pid, command, options);
  }

  /** Runs a command to its end, whatever its status. */
  attempt(command: readonly string[], options: ProcessOptions = {}): Promise<CommandResult> {
    return this.spawn(command, options).ended;
  }

  /** Runs a command that must succeed; returns what it printed, without the last newline. */
  async run(command: readonly string[], options: ProcessOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.attempt(command, options);
    if (status !== 0) throw new Error(`${command.join(' ')}: exit status ${status}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  /** Runs a bash script that must succeed. */
  shell(script: string, options: ProcessOptions = {}): Promise<string> {
    return this.run(['bash', '-euo', 'pipefail', '-c', script], options);
  }

  /** `net` with these arguments; must succeed. */
  net(...args: readonly string[]): Promise<string> {
    return this.run([`${repository}bin/net`, ...args]);
  }

  /** `net` with these arguments, which goes on until it is ended. */
  spawnNet(...args: readonly string[]): HostProcess {
    return this.spawn([`${repository}bin/net`, ...args]);
  }

  /** `net` with these arguments, whatever its status. */
  tryNet(...args: readonly string[]): Promise<CommandResult> {
    return this.attempt([`${repository}bin/net`, ...args]);
  }

  /** The parsed output of a `net` command that takes `--format json`. */
  async netJson<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.net(...args, '--format', 'json')) as T;
  }

  /** Starts the built netd; resolves when it has said that it is ready. */
  async netd(...flags: readonly string[]): Promise<Netd> {
    const daemon = this.startNetd(...flags);
    await daemon.line(/\bready\b/);
    const pid = await daemon.pid();
    return {
      pid,
      process: daemon,
      stop: () => daemon.end('SIGTERM'),
      kill9: async () => {
        await daemon.end('SIGKILL');
      },
    };
  }

  /** Starts netd without waiting: for those that shall fail. */
  startNetd(...flags: readonly string[]): HostProcess {
    return this.spawn([`${repository}bin/netd`, '--log-format', 'json', ...flags]);
  }

  /** Lays a cable: `ifname` here, `eth0` in the other host. */
  async plug(ifname: string, other: TestHost): Promise<void> {
    const ends = ['name', ifname, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(other.pid)];
    // The other host is named by a pid that only means something outside: enter nothing but the network.
    await execute('nsenter', ['-t', String(this.pid), '-n', '--', 'ip', 'link', 'add', ...ends]);
  }

  /** What its network looks like from outside Fairlead. */
  async state(): Promise<HostState> {
    const [links, addresses, routes, namespaces, mounts, ruleset] = await Promise.all([
      this.#lines('ip -brief link'),
      this.#lines('ip -brief address'),
      this.#lines('ip route show table all; ip -6 route show table all; ip rule; ip -6 rule'),
      this.#lines('ls /run/netns'),
      this.#lines(
        `cut -d" " -f5 /proc/self/mountinfo | grep -vx ${comingAndGoing.map((path) => `-e ${path}`).join(' ')}`,
      ),
      this.#lines('nft --stateless list ruleset'),
    ]);
    return { links, addresses, routes, namespaces, mounts, ruleset };
  }

  /** Ends every process of the host and removes all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#letGo();
  }

  async #lines(script: string): Promise<readonly string[]> {
    const text = await this.shell(script);
    return [...new Set(text.split('\n').map(settled))].sort();
  }
}

/**
 * A line of ip(8) without the state of the carrier, which the kernel brings up to date when it finds the time; a line of
 * nft(8) without the program that owns a table, which nft looks up among all sockets and does not always find.
 */
function settled(line: string): string {
  return line
    .trim()
    .replace(/^(\S+ +)(UP|DOWN|UNKNOWN|LOWERLAYERDOWN) +/, '$1')
    .replace(/<NO-CARRIER,|,LOWER_UP>/, (flag) => (flag.startsWith('<') ? '<' : '>'))
    .replace(/ linkdown$/, '')
    .replace(/ # progname .*$/, '');
}
