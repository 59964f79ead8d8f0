// The host's own nameservers, followed live.
import { type FSWatcher, readFileSync, realpathSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Log } from '../base/log.ts';
import { nameserversOf } from '../base/resolv-conf.ts';
import { resolverAddress } from '../model/name-entry.ts';

export interface HostUpstreams {
  /** In the order of the file, without addresses that lead back to us. */
  readonly addresses: readonly string[];
  close(): void;
}

export interface HostUpstreamsOptions {
  readonly log: Log;
  readonly resolvConf: string;
  /** Read instead when `resolvConf` names nothing but systemd-resolved's stub. */
  readonly stubResolvConf: string;
}

const stubAddress = '127.0.0.53';
/** A rewrite is several events, the first with the file empty. */
const settleMs = 50;

export function followHostUpstreams(options: HostUpstreamsOptions): HostUpstreams {
  return new Follower(options);
}

class Follower implements HostUpstreams {
  readonly #options: HostUpstreamsOptions;
  #addresses: readonly string[] = [];
  #watchers: readonly FSWatcher[] = [];
  #settling: NodeJS.Timeout | undefined;

  constructor(options: HostUpstreamsOptions) {
    this.#options = options;
    this.#refresh();
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  close(): void {
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  /** Watches first, then reads, so that no change falls in between. */
  #refresh(): void {
    this.close();
    const { resolvConf, stubResolvConf, log } = this.#options;
    const paths = [resolvConf, targetOf(resolvConf), stubResolvConf];
    this.#watchers = [...new Set(paths)].flatMap((path) => this.#watch(path));
    const addresses = readUpstreams(resolvConf, stubResolvConf);
    if (addresses.join() !== this.#addresses.join())
      log.info({ upstreams: addresses }, 'upstream nameservers');
    this.#addresses = addresses;
  }

  /** The directory, because files are replaced by others of the same name; the file too, because one bound over another is written elsewhere. */
  #watch(path: string): readonly FSWatcher[] {
    const name = basename(path);
    const changed = (_: string, changedName: string | null) => {
      if (changedName === null || changedName === name) this.#settle();
    };
    return [dirname(path), path].flatMap((watched) => watchIfThere(watched, changed));
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#refresh(), settleMs).unref();
  }
}

function readUpstreams(resolvConf: string, stubResolvConf: string): readonly string[] {
  const listed = nameserversIn(resolvConf);
  const onlyStub = listed.length > 0 && listed.every((address) => address === stubAddress);
  const behindStub = onlyStub ? nameserversIn(stubResolvConf) : [];
  return behindStub.length > 0 ? behindStub : listed;
}

function nameserversIn(path: string): readonly string[] {
  try {
    return nameserversOf(readFileSync(path, 'utf8')).filter((address) => address !== resolverAddress);
  } catch {
    // A host without the file has no upstreams.
    return [];
  }
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function watchIfThere(
  path: string,
  changed: (event: string, name: string | null) => void,
): readonly FSWatcher[] {
  try {
    return [watch(path, { persistent: false }, changed).on('error', ignore)];
  } catch {
    // Not there: when it comes, its directory tells, or nobody needs it.
    return [];
  }
}

function ignore(): void {}
