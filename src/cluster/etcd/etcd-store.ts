// The shared store in etcd (3.4 or later). Nothing is kept here: every read is etcd's, linearizable.
import { NetError } from '../../base/errors.ts';
import type {
  Condition,
  LeaseId,
  Reading,
  Revision,
  SharedStore,
  StoredKey,
  WatchListener,
  Write,
} from '../shared-store.ts';
import { checkTlsFiles } from './connection.ts';
import { keyAfter, rangeBelow, toStoredKey, toTransaction } from './keys.ts';
import type { KeyValue } from './protocol.ts';
import { isCompacted, RpcError } from './rpc-error.ts';
import { type EtcdOptions, Servers } from './servers.ts';
import { Watch } from './watch.ts';

/** Answers of more than 4 MB are nobody's friend; a key with its value has a few hundred bytes. */
const pageKeys = 2_000;
const readTries = 3;

/**
 * Connects when it is first used, so that it is opened while etcd is away as well. Errors: `invalid_parameter` about the files.
 * Revisions are 64-bit numbers in etcd; as numbers they are exact up to 2^53, which takes 280 years of a million changes a second.
 */
export async function openEtcd(options: EtcdOptions): Promise<SharedStore> {
  if (options.tls) checkTlsFiles(options);
  return new EtcdStore(new Servers(options));
}

class EtcdStore implements SharedStore {
  readonly #servers: Servers;
  #closed = false;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  get endpoints(): readonly string[] {
    return this.#servers.urls;
  }

  async read(prefix: string): Promise<Reading> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#readPages(prefix);
      } catch (error) {
        if (!(error instanceof RpcError && isCompacted(error))) throw error;
        // Compacted between two pages.
        if (tries === readTries)
          throw new NetError('unavailable', `${prefix} changes faster than etcd lets it be read`);
      }
    }
  }

  async get(key: string): Promise<{ readonly revision: Revision; readonly key?: StoredKey }> {
    const intent = { action: `read ${key}`, repeatable: true };
    const { header, kvs } = await this.#servers.ask('range', { key: Buffer.from(key) }, intent);
    const [found] = kvs;
    return { revision: Number(header.revision), ...(found && { key: toStoredKey(found) }) };
  }

  async write(conditions: readonly Condition[], writes: readonly Write[]) {
    const intent = { action: `write ${nameOf(writes[0])}`, repeatable: false };
    const { header, succeeded } = await this.#servers.ask('txn', toTransaction(conditions, writes), intent);
    return { applied: succeeded, revision: Number(header.revision) };
  }

  watch(prefix: string, from: Revision, listener: WatchListener): () => void {
    const watch = new Watch(prefix, from, listener);
    this.#servers.watch(watch).catch((error: Error) => {
      if (!this.#closed) watch.end('interrupted', error.message);
    });
    return () => watch.close();
  }

  async grantLease(ttlSeconds: number) {
    // A lease nobody knows of, granted by an answer that was lost, ends by itself.
    const intent = { action: 'grant a lease', repeatable: true };
    const { ID, TTL } = await this.#servers.ask('leaseGrant', { TTL: ttlSeconds }, intent);
    return { id: ID, ttlSeconds: Number(TTL) };
  }

  async renewLease(id: LeaseId) {
    const intent = { action: `renew lease ${id}`, repeatable: true };
    const { header, TTL } = await this.#servers.ask('leaseKeepAlive', { ID: id }, intent);
    const ttlSeconds = Number(TTL);
    return ttlSeconds > 0 ? { ttlSeconds, revision: Number(header.revision) } : undefined;
  }

  async revokeLease(id: LeaseId): Promise<void> {
    try {
      await this.#servers.ask('leaseRevoke', { ID: id }, { action: `revoke lease ${id}`, repeatable: true });
    } catch (error) {
      if (!(error instanceof NetError && error.code === 'not_found')) throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#servers.close();
  }

  /** All pages at the revision of the first. */
  async #readPages(prefix: string): Promise<Reading> {
    const intent = { action: `read ${prefix}`, repeatable: true };
    const { key, rangeEnd } = rangeBelow(prefix);
    const first = await this.#servers.ask('range', { key, rangeEnd, limit: pageKeys }, intent);
    const revision = Number(first.header.revision);
    const found: KeyValue[] = [...first.kvs];
    for (let { more } = first; more; ) {
      const from = keyAfter(found.at(-1)?.key ?? prefix);
      const page = await this.#servers.ask(
        'range',
        { key: from, rangeEnd, limit: pageKeys, revision },
        intent,
      );
      found.push(...page.kvs);
      more = page.more;
    }
    return { revision, keys: found.map(toStoredKey) };
  }
}

function nameOf(write: Write | undefined): string {
  if (write === undefined) return 'nothing';
  if ('put' in write) return write.put;
  return 'delete' in write ? write.delete : write.deleteBelow;
}
