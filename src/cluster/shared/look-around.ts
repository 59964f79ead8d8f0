// What a host has to see of a cluster before it is registered, and the beginning of one where there is none.
import { NetError } from '../../base/errors.ts';
import type { HostId } from '../../model/ids.ts';
import { type Found, firstSchema, type Times } from './judge-registration.ts';
import { decodeHost, decodeSchema, encodeSchema, type Schema } from './records.ts';
import type { Site } from './site.ts';

/** Errors: `unavailable`. */
export async function lookAround({ store, layout, host }: Site): Promise<Found> {
  const [schema, hosts, claim] = await Promise.all([
    store.get(layout.schema),
    store.read(layout.hosts),
    store.get(layout.claim(host.id)),
  ]);
  const decoded = schema.key && decodeSchema(schema.key.value);
  return {
    ...(decoded && { schema: decoded }),
    ...(claim.key && { claim: claim.key }),
    hosts: hosts.keys.flatMap((stored) => {
      const known = decodeHost(stored.key.slice(layout.hosts.length) as HostId, stored.value);
      return known === undefined ? [] : [{ host: known, stored }];
    }),
  };
}

/** Says what all hosts agree on from now on. Errors: `unavailable`, also when another host was first. */
export async function beginCluster({ store, layout, host }: Site, times: Times): Promise<Schema> {
  const schema = firstSchema(host, times);
  const key = layout.schema;
  const { applied } = await store.write([{ key, absent: true }], [{ put: key, value: encodeSchema(schema) }]);
  if (!applied) throw new NetError('unavailable', 'another host was first to begin the cluster');
  return schema;
}
