// A process in a sandbox that asks its resolver without pause and keeps the times of every question: `dns-asker.py`.
import { readFileSync } from 'node:fs';
import type { DnsLab } from './dns-lab.ts';
import { python } from './dns-upstreams.ts';
import type { HostProcess } from './host-process.ts';
import { waitUntil } from './wait-until.ts';

/** Times are nanoseconds of CLOCK_MONOTONIC, that of `process.hrtime`. */
export interface AskedQuestion {
  readonly sent: number;
  readonly answered: number;
  readonly name: string;
  /** `lost` when nobody answered. */
  readonly rcode: string;
  readonly addresses: readonly string[];
}

const program = new URL('dns-asker.py', import.meta.url).pathname;

export class DnsAsker {
  readonly #process: HostProcess;

  /** `#` in a name becomes the number of the question; `outstanding` questions are under way at any time. */
  constructor(lab: DnsLab, sandbox: string, names: readonly string[], outstanding = 4) {
    const ask = [python, program, '127.0.0.11', String(outstanding), ...names];
    this.#process = lab.host.spawn(['ip', 'netns', 'exec', sandbox, ...ask]);
  }

  /** Resolves when so many more questions were answered. */
  async more(count: number): Promise<void> {
    const enough = this.#lines().length + count;
    await waitUntil(`${count} more questions are answered`, () => this.#lines().length >= enough);
  }

  /** All questions, in the order of their answers; the last one asked is answered. */
  async end(): Promise<readonly AskedQuestion[]> {
    const { status, stdout, stderr } = await this.#process.end('SIGTERM');
    const count = Number(/^done (\d+)$/m.exec(stdout)?.[1]);
    const asked = this.#lines().map(toQuestion);
    if (asked.length !== count) throw new Error(`${asked.length} of ${count} questions: ${status} ${stderr}`);
    return asked;
  }

  #lines(): readonly string[] {
    return this.#process.stdout.split('\n').filter((line) => /^\d+ \d+ /.test(line));
  }
}

function toQuestion(line: string): AskedQuestion {
  const [sent, answered, name = '', rcode = '', addresses = ''] = line.split(' ');
  const list = addresses === '' ? [] : addresses.split(',');
  return { sent: Number(sent), answered: Number(answered), name, rcode, addresses: list };
}

/** Packets the machine's kernel has dropped because too many waited, whoever sent them: the second number of each processor. */
export function droppedPackets(): number {
  const lines = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n');
  return lines.reduce((sum, line) => sum + Number.parseInt(line.split(' ')[1] ?? '', 16), 0);
}

/** The time as questions have it. */
export function now(): number {
  return Number(process.hrtime.bigint());
}
