// Nameservers in a namespace of their own beside a test host, in manners good and bad: `dns-upstream.py`.
import { appendFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type { HostProcess } from './host-process.ts';
import type { TestHost } from './test-host.ts';
import { waitUntil } from './wait-until.ts';

/** A question as a nameserver saw it. */
export interface SeenQuestion {
  readonly server: string;
  readonly transport: 'udp' | 'tcp';
  readonly name: string;
  readonly type: string;
  readonly asker: string;
  /** Of the asker: the same when a question is sent again. */
  readonly port: number;
}

/** Debian's own Python: another in the path may lack what it needs in a host's mounts. */
export const python = '/usr/bin/python3';
const program = new URL('dns-upstream.py', import.meta.url).pathname;

export class DnsUpstreams {
  readonly #process: HostProcess;

  private constructor(process: HostProcess) {
    this.#process = process;
  }

  /**
   * Serves every address in its manner in a new namespace `upstreams`, which is reached by the link `uplink`. IPv4 addresses
   * are to be of 192.0.2.0/24, IPv6 ones of 2001:db8::/64.
   */
  static async start(host: TestHost, manners: Readonly<Record<string, string>>): Promise<DnsUpstreams> {
    const enter = 'ip -n upstreams';
    await host.shell(
      [
        'ip netns add upstreams',
        'ip link add uplink type veth peer name lan0 netns upstreams',
        'ip address add 192.0.2.254/24 dev uplink; ip address add 2001:db8::ffff/64 dev uplink nodad',
        'ip link set uplink up',
        `${enter} link set lo up; ${enter} link set lan0 up`,
        ...Object.keys(manners).map((address) =>
          address.includes(':')
            ? `${enter} address add ${address}/64 dev lan0 nodad`
            : `${enter} address add ${address}/24 dev lan0`,
        ),
      ].join('\n'),
    );
    return DnsUpstreams.serve(host, manners, ['ip', 'netns', 'exec', 'upstreams']);
  }

  /** Serves addresses that are there, in the host itself or in the namespace that `enter` enters. */
  static async serve(
    host: TestHost,
    manners: Readonly<Record<string, string>>,
    enter: readonly string[] = [],
  ): Promise<DnsUpstreams> {
    const list = Object.entries(manners).map(([address, manner]) => `${address}=${manner}`);
    const serving = host.spawn([...enter, python, program, ...list]);
    await serving.line(/^serving$/);
    return new DnsUpstreams(serving);
  }

  /** All questions so far, resent ones too. */
  get seen(): readonly SeenQuestion[] {
    const lines = this.#process.stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.includes(' ')).map(toQuestion);
  }

  /** Questions for a name, each once however often it was sent again. */
  asked(name: string): readonly SeenQuestion[] {
    const key = ({ server, transport, port }: SeenQuestion) => `${server} ${transport} ${port}`;
    return [...new Map(this.about(name).map((one) => [key(one), one])).values()];
  }

  /** Questions for a name, in any case. */
  about(name: string): readonly SeenQuestion[] {
    return this.seen.filter((one) => one.name.toLowerCase() === name.toLowerCase());
  }

  /** Resolves when somebody was asked for a name; whatever was asked for before has been seen then too. */
  async untilAsked(name: string): Promise<void> {
    await waitUntil(`a nameserver is asked for ${name}`, () => this.about(name).length > 0);
  }

  async end(): Promise<void> {
    await this.#process.end('SIGKILL');
  }
}

function toQuestion(line: string): SeenQuestion {
  const [server = '', transport, name = '', type = '', asker = '', port] = line.split(' ');
  return { server, transport: transport as 'udp' | 'tcp', name, type, asker, port: Number(port) };
}

/** The ways in which programs change the file that names a host's nameservers. */
export const rewriteWays = {
  'written in place': (path, text) => writeFileSync(path, text),
  'emptied, then filled line by line': (path, text) => {
    writeFileSync(path, '');
    for (const line of text.split('\n')) appendFileSync(path, `${line}\n`);
  },
  'replaced by another of the same name': (path, text) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  },
  'linked to a file elsewhere': (path, text, elsewhere) => {
    writeFileSync(elsewhere, text);
    // Not by its whole path, which leads out of the host whoever looks at the file from outside.
    symlinkSync(relative(dirname(path), elsewhere), `${path}.new`);
    renameSync(`${path}.new`, path);
  },
} satisfies Record<string, (path: string, text: string, elsewhere: string) => void>;
