// The host's own nameservers, followed live.
import { existsSync, type FSWatcher, readFileSync, readlinkSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Log } from '../../base/log.ts';
import { nameserversOf } from '../../base/resolv-conf.ts';
import { resolverAddress } from '../../model/name-entry.ts';

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
  /** The addresses are others now. */
  readonly onChange?: () => void;
  /** How often the files are read unasked: what is mounted over them, or lies on another machine, no watch tells of. */
  readonly rereadMs?: number;
}

/** Where systemd-resolved listens on a host: with all it does, and as a mere proxy (systemd-resolved.service(8)). */
const stubAddresses: readonly string[] = ['127.0.0.53', '127.0.0.54'];
/** A rewrite is several events, the first with the file empty. */
const settleMs = 50;
/** The kernel follows as many (`MAXSYMLINKS` in include/linux/namei.h). */
const linksMax = 40;

export function followHostUpstreams(options: HostUpstreamsOptions): HostUpstreams {
  return new Follower(options);
}

class Follower implements HostUpstreams {
  readonly #options: HostUpstreamsOptions;
  readonly #rereading: NodeJS.Timeout;
  #addresses: readonly string[] = [];
  #watchers: readonly FSWatcher[] = [];
  #settling: NodeJS.Timeout | undefined;

  constructor(options: HostUpstreamsOptions) {
    this.#options = options;
    this.#watchAll();
    this.#addresses = readUpstreams(options);
    this.#rereading = setInterval(() => this.#reread(), options.rereadMs ?? 5_000).unref();
    options.log.info({ upstreams: this.#addresses }, 'upstream nameservers');
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  close(): void {
    clearInterval(this.#rereading);
    this.#unwatch();
  }

  /** Watches first, then reads, so that no change falls in between. */
  #refresh(): void {
    this.#watchAll();
    this.#adopt(readUpstreams(this.#options));
  }

  #reread(): void {
    if (this.#settling === undefined && !isSame(readUpstreams(this.#options), this.#addresses))
      this.#refresh();
  }

  #adopt(addresses: readonly string[]): void {
    if (isSame(addresses, this.#addresses)) return;
    this.#addresses = addresses;
    this.#options.log.info({ upstreams: addresses }, 'upstream nameservers');
    this.#options.onChange?.();
  }

  #watchAll(): void {
    this.#unwatch();
    const { resolvConf, stubResolvConf } = this.#options;
    const places = [resolvConf, stubResolvConf].flatMap(placesOf);
    const distinct = new Map(places.map((place) => [place.join('\0'), place]));
    this.#watchers = [...distinct.values()].flatMap(([path, name]) =>
      watchIfThere(path, (changed) => {
        if (changed === null || changed === name || changed === basename(path)) this.#settle();
      }),
    );
  }

  #unwatch(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#refresh(), settleMs).unref();
  }
}

function readUpstreams({ resolvConf, stubResolvConf }: HostUpstreamsOptions): readonly string[] {
  const listed = nameserversIn(resolvConf);
  const onlyStub = listed.length > 0 && listed.every((address) => stubAddresses.includes(address));
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

/**
 * What to watch for changes of a file, each with the name whose events count. Its directory, because files are replaced by others of
 * the same name; where that is not there yet, the nearest one above it; the same for each link that leads to the file; and the file
 * itself, because one that is mounted here is written elsewhere.
 */
function placesOf(path: string): readonly (readonly [path: string, name: string])[] {
  const places: [string, string][] = [];
  let target = resolve(path);
  for (let links = 0; links < linksMax; links++) {
    places.push(nearestDirectory(target));
    const next = linkIn(target);
    if (next === undefined) break;
    target = next;
  }
  return [...places, [target, basename(target)]];
}

function nearestDirectory(path: string): [directory: string, name: string] {
  const directory = dirname(path);
  return existsSync(directory) || directory === path
    ? [directory, basename(path)]
    : nearestDirectory(directory);
}

/** Where a link leads; undefined for what is none. */
function linkIn(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined;
  }
}

function watchIfThere(path: string, changed: (name: string | null) => void): readonly FSWatcher[] {
  try {
    return [watch(path, { persistent: false }, (_, name) => changed(name)).on('error', ignore)];
  } catch {
    // Not there, or the host has no watches left: then it is read again now and then all the same.
    return [];
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.join() === others.join();
}

function ignore(): void {}
