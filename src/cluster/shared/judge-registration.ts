// Whether the cluster can take this host, and how: going on with a claim that it has, or with a new one. Pure.
import { familyOf } from '../../base/cidr.ts';
import { shortId } from '../../model/ids.ts';
import type { ClusterHost } from '../../model/peer.ts';
import type { Remembered, RememberedCluster } from '../memory.ts';
import type { StoredKey } from '../shared-store.ts';
import { decodeHost, type Schema, schemaVersion } from './records.ts';

/** A setting, and whether somebody chose it. */
export interface Setting {
  readonly value: number;
  readonly given: boolean;
}

export interface Times {
  readonly leaseSeconds: Setting;
  readonly graceSeconds: Setting;
}

/** What the store has at the moment. */
export interface Found {
  readonly schema?: Schema;
  readonly storedSchema?: StoredKey;
  /** Of all hosts that live, this one among them if it does. */
  readonly hosts: readonly { readonly host: ClusterHost; readonly stored: StoredKey }[];
  readonly claim?: StoredKey;
}

export type Judgement =
  | { readonly refused: string }
  /** `keep`: the claim is ours already. `renew`: it is of an earlier life of this host that was forgotten. */
  | { readonly claim: 'keep' | 'renew' | 'make' };

export function judgeRegistration(
  self: ClusterHost,
  found: Found,
  remembered: Remembered,
  times: Times,
): Judgement {
  const refused = refuseSchema(self, found.schema, times) ?? refuseHost(self, found, remembered);
  if (refused !== undefined) return { refused };
  if (found.claim === undefined) return { claim: 'make' };
  return { claim: found.claim.lease === remembered.claim?.lease ? 'keep' : 'renew' };
}

/** The first host of a cluster says what all agree on; of one that was lost, the first that remembers it. */
export function firstSchema(
  self: ClusterHost,
  clusterId: string,
  { leaseSeconds, graceSeconds }: Times,
  remembered: RememberedCluster | undefined,
): Schema {
  return {
    version: schemaVersion,
    clusterId,
    leaseSeconds: chosen(leaseSeconds, remembered?.leaseSeconds),
    graceSeconds: chosen(graceSeconds, remembered?.graceSeconds),
    family: familyOf(self.address),
  };
}

function chosen({ value, given }: Setting, remembered: number | undefined): number {
  return given ? value : (remembered ?? value);
}

function refuseSchema(self: ClusterHost, schema: Schema | undefined, times: Times): string | undefined {
  if (schema === undefined) return undefined;
  if (schema.version > schemaVersion) {
    return `the cluster's records are of version ${schema.version}, this program knows those up to ${schemaVersion}`;
  }
  for (const key of ['leaseSeconds', 'graceSeconds'] as const) {
    const { value, given } = times[key];
    if (!given || value === schema[key]) continue;
    const name = key === 'leaseSeconds' ? 'lease' : 'grace';
    return `the cluster's ${name} is ${schema[key]} s since it was made, this host is given ${value} s`;
  }
  if (schema.family !== familyOf(self.address)) {
    return `the hosts of the cluster have IPv${schema.family} addresses, this one is given ${self.address}`;
  }
  return undefined;
}

function refuseHost(self: ClusterHost, found: Found, remembered: Remembered): string | undefined {
  for (const { host, stored } of found.hosts) {
    const isOurs = host.id === self.id && stored.lease === remembered.liveness;
    if (host.id === self.id && !isOurs && host.address !== self.address) {
      return `another host lives with this one's id ${shortId(host.id)}: ${host.name} at ${host.address}`;
    }
    if (host.id !== self.id && host.address === self.address) {
      return `address ${self.address} is that of host ${host.name} (${shortId(host.id)}) too, which lives`;
    }
  }
  return refuseClaim(self, found, remembered);
}

/** With a copy of another host's records its addresses would be given out twice. */
function refuseClaim(self: ClusterHost, { claim }: Found, remembered: Remembered): string | undefined {
  if (claim === undefined || claim.lease === remembered.claim?.lease) return undefined;
  const holder = decodeHost(self.id, claim.value);
  if (holder === undefined || holder.address === self.address) return undefined;
  return `what host id ${shortId(self.id)} holds is kept for ${holder.name} at ${holder.address}, which this host does not remember to be`;
}
