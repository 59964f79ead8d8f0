// A stream of packets from one sandbox to another, across whatever happens meanwhile.
import type { HostProcess } from './host-process.ts';
import type { TestHost } from './test-host.ts';

const script = new URL('cluster-bed-stream.py', import.meta.url).pathname;
const port = 7;

/** Runs what answers streams, as the detached process of a new sandbox. `flags` are those of `net run`. */
export async function startEcho(host: TestHost, name: string, ...flags: readonly string[]): Promise<void> {
  await host.net('run', '-d', '--name', name, ...flags, '--', 'python3', script, 'echo', String(port));
}

export class PacketStream {
  readonly #process: HostProcess;

  private constructor(process: HostProcess) {
    this.#process = process;
  }

  /** Resolves when the first packet was answered; every one after that counts. */
  static async start(host: TestHost, sandbox: string, address: string): Promise<PacketStream> {
    const process = host.spawnNet('exec', sandbox, '--', 'python3', script, 'send', address, String(port));
    await process.line(/^streaming$/);
    return new PacketStream(process);
  }

  async end(): Promise<{ readonly sent: number; readonly lost: readonly number[] }> {
    const { stdout, stderr } = await this.#process.end('SIGTERM');
    const numbers = (word: string) =>
      [...stdout.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map(([, number]) => Number(number));
    const [sent] = numbers('sent');
    if (sent === undefined) throw new Error(`the stream broke off: ${stderr}`);
    return { sent, lost: numbers('lost') };
  }
}
