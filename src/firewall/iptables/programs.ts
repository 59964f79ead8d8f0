// The programs `iptables-restore` and `iptables-save` and their twins for IPv6: the only ones the daemon starts.
import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { IpFamily } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { type FoundTables, parseSaved } from './table.ts';

/** Which of the two kernel interfaces the programs use; undefined for those that are called without either name. */
export type Variant = 'nft' | 'legacy';

/** The lock of the legacy variant is another program's for moments only. */
const waitSeconds = 10;
const limitMs = 60_000;
const maxOutputBytes = 256 * 2 ** 20;
/** `RESOURCE_PROBLEM` of iptables' include/xtables.h: somebody kept the lock. */
const lockedStatus = 4;

/** Announcements of what a process did come soon after it. */
const rememberedProcesses = 64;

export class Programs {
  readonly #infix: string;
  readonly #pids: number[] = [];

  constructor(variant?: Variant) {
    this.#infix = variant === undefined ? '' : `-${variant}`;
  }

  /** Whether `iptables-nft-re (pid 1234)` was started here. */
  isOwn(who: string): boolean {
    return this.#pids.some((pid) => who.endsWith(`(pid ${pid})`));
  }

  /** The families the host has. */
  get families(): readonly IpFamily[] {
    return existsSync('/proc/net/if_inet6') ? [4, 6] : [4];
  }

  /** `iptables-restore v1.8.9 (nf_tables)`. Errors: `not_implemented` when there is no such program. */
  async version(): Promise<string> {
    const [version = ''] = await Promise.all(
      this.families.map((family) => this.#run(family, 'restore', ['--version'])),
    );
    return version.trim();
  }

  async save(family: IpFamily): Promise<FoundTables> {
    return parseSaved(await this.saveText(family));
  }

  /** All tables, as the program prints them. */
  saveText(family: IpFamily): Promise<string> {
    return this.#run(family, 'save', []);
  }

  /** Changes each table it names as a whole or not at all. Errors: `unavailable`, `internal` with what the program said. */
  async restore(family: IpFamily, input: string): Promise<void> {
    await this.#run(family, 'restore', ['--noflush', `--wait=${waitSeconds}`], input);
  }

  #run(family: IpFamily, verb: 'save' | 'restore', args: readonly string[], input = ''): Promise<string> {
    const program = `${family === 4 ? 'iptables' : 'ip6tables'}${this.#infix}-${verb}`;
    // Services are often started without the directories of the administrator's programs.
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
    return new Promise((resolve, reject) => {
      const options = { env, timeout: limitMs, maxBuffer: maxOutputBytes };
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(refusal(program, error, stderr));
      });
      if (child.pid !== undefined) this.#pids.push(child.pid);
      if (this.#pids.length > rememberedProcesses) this.#pids.shift();
      // A program that ends before it has read everything has its reasons, which the exit status tells.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }
}

function refusal(program: string, error: ExecFileException, stderr: string): NetError {
  const options = { cause: error };
  if (error.code === 'ENOENT') {
    return new NetError('not_implemented', `firewall iptables: there is no program ${program}`, options);
  }
  const [reason = error.message] = stderr.split('\n').filter((line) => line.trim() !== '');
  const unavailable = error.code === lockedStatus || /permission denied|another app/i.test(stderr);
  return new NetError(
    unavailable ? 'unavailable' : 'internal',
    `firewall rules refused by ${program}: ${reason}`,
    options,
  );
}
