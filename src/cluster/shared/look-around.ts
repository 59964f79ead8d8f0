// What a host has to see of a cluster before it is registered.
import type { HostId } from '../../model/ids.ts';
import type { Found } from './judge-registration.ts';
import { decodeHost, decodeSchema } from './records.ts';
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
    ...(schema.key && { storedSchema: schema.key }),
    ...(claim.key && { claim: claim.key }),
    hosts: hosts.keys.flatMap((stored) => {
      const known = decodeHost(stored.key.slice(layout.hosts.length) as HostId, stored.value);
      return known === undefined ? [] : [{ host: known, stored }];
    }),
  };
}
