// A host with a firewall of its own, on a wire with another host, and traffic of Fairlead's networks through it.
import { expect } from 'vitest';
import {
  fromHost,
  fromSandbox,
  serveCommand,
  serveOnHost,
  whoAnswers,
  writeHostSite,
} from './engines/web.ts';
import type { Netd, TestHost } from './test-host.ts';
import { Topology } from './topology.ts';
import { waitUntil } from './wait-until.ts';

const gateway = '10.71.0.1';
/** Of the second server of the network, behind whose port the host asks as well. */
const neighbour = '10.71.0.3';

export class FirewalledHost implements AsyncDisposable {
  readonly host: TestHost;
  readonly outside: TestHost;
  readonly address: string;
  readonly outsideAddress: string;
  readonly #topology: Topology;
  #netd: Netd | undefined;

  private constructor(topology: Topology) {
    this.#topology = topology;
    this.host = topology.host('host');
    this.outside = topology.host('outside');
    this.address = topology.address('host');
    this.outsideAddress = topology.address('outside');
  }

  static async start(): Promise<FirewalledHost> {
    const bed = new FirewalledHost(await Topology.start('host', 'outside'));
    serveOnHost(bed.outside, 'outside');
    writeHostSite(bed.host);
    return bed;
  }

  get netd(): Netd {
    if (this.#netd === undefined) throw new Error('netd was not started');
    return this.#netd;
  }

  /** If it runs. */
  async stopNetd(): Promise<void> {
    await this.#netd?.stop();
  }

  async startNetd(...flags: readonly string[]): Promise<void> {
    this.#netd = await this.host.netd(...flags);
  }

  /** Network `lab` with the servers `web`, published as 8080, and `asker`, and somebody who answers at its gateway's port 53. */
  async makeNetwork(): Promise<void> {
    const { host } = this;
    await host.net('create', '--subnet', '10.71.0.0/24', 'lab');
    for (const [name, ...flags] of [
      ['web', '-p', '8080:80'],
      ['asker', '--ip', neighbour],
    ] as const) {
      await host.net('run', '-d', '--name', name, '--network', 'lab', ...flags, '--', ...serveCommand(name));
    }
    host.spawn(['socat', `UDP4-RECVFROM:53,bind=${gateway},fork`, 'EXEC:cat']);
    host.spawn(['socat', `TCP4-LISTEN:53,bind=${gateway},fork,reuseaddr`, 'EXEC:cat']);
  }

  async removeNetwork(): Promise<void> {
    await this.host.net('rm', '-f', 'lab');
    await this.host.net('sandbox', 'rm', '-f', 'web', 'asker');
  }

  /** Everything a network is for gets through. */
  async expectTraffic(): Promise<void> {
    const { host, outside } = this;
    const asker = fromSandbox(host, 'asker');
    for (const [ask, where, server] of [
      [asker, 'web', 'web'],
      [asker, this.outsideAddress, 'outside'],
      [fromHost(outside), `${this.address}:8080`, 'web'],
      [fromHost(host), neighbour, 'asker'],
    ] as const) {
      expect(await whoAnswers(ask, where)).toMatchObject({ server });
    }
    for (const protocol of ['UDP4', 'TCP4']) await this.#expectEcho(protocol);
    await waitUntil('all is as it should be', async () => (await host.tryNet('check')).status === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#topology[Symbol.asyncDispose]();
  }

  async #expectEcho(protocol: string): Promise<void> {
    const command = `echo hello | socat -t1 -T1 - ${protocol}:${gateway}:53,connect-timeout=1`;
    await waitUntil(`the gateway answers by ${protocol}`, async () => {
      const { stdout } = await this.host.tryNet('exec', 'asker', '--', 'sh', '-c', command);
      return stdout.trim() === 'hello';
    });
  }
}
