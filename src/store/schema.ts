// What a record is made of, in memory and on disk. Pure.

import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId } from '../model/ids.ts';
import { migrations } from './migrations.ts';
import type { Change, State } from './store.ts';

/** Counts from 1: one more than there are migrations. */
export const schemaVersion = migrations.length + 1;

type Mutable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, Mutable<V>> : M;
export type MutableState = { readonly [Kind in keyof State]: Mutable<State[Kind]> };

/** Records that belong to no group of others, and the map each is kept in. */
const mapOf = {
  network: 'networks',
  sandbox: 'sandboxes',
  allowance: 'allowances',
  enginePool: 'enginePools',
  engineLease: 'engineLeases',
  engineNetwork: 'engineNetworks',
  engineEndpoint: 'engineEndpoints',
} as const;

export function emptyState(): MutableState {
  return {
    networks: new Map(),
    endpoints: new Map(),
    sandboxes: new Map(),
    allowances: new Map(),
    enginePools: new Map(),
    engineLeases: new Map(),
    engineNetworks: new Map(),
    engineEndpoints: new Map(),
    settings: new Map(),
    endpointsBySandbox: new Map(),
    endpointsByNetwork: new Map(),
  };
}

/** Returns what takes the changes back. */
export function applyChanges(state: MutableState, changes: readonly Change[]): () => void {
  const undo = changes.map((change) => ('put' in change ? put(state, change) : drop(state, change)));
  return () => {
    for (const step of undo.reverse()) step();
  };
}

/** The changes that make this state from an empty one. */
export function snapshotOf(state: State): Change[] {
  const all = <Put extends RecordPut>(put: Put['put'], records: ReadonlyMap<string, Put['value']>) =>
    [...records.values()].map((value) => ({ put, value }) as Change);
  return [
    ...[...state.settings].map(([key, value]): Change => ({ put: 'setting', key, value })),
    ...(Object.keys(mapOf) as (keyof typeof mapOf)[]).flatMap((kind) => all(kind, state[mapOf[kind]])),
    ...all('endpoint', state.endpoints),
  ];
}

type RecordPut = Extract<Change, { put: string; value: object }>;

function put(state: MutableState, change: Extract<Change, { put: string }>): () => void {
  if (change.put === 'setting') return place(state.settings, change.key, change.value);
  if (change.put === 'endpoint') return placeEndpoint(state, change.value.id, change.value);
  return place(recordsOf(state, change.put), change.value.id, change.value);
}

function drop(state: MutableState, change: Extract<Change, { drop: string }>): () => void {
  if (change.drop === 'endpoint') return placeEndpoint(state, change.id, undefined);
  return place(recordsOf(state, change.drop), change.id, undefined);
}

/** The types of key and value go together with the kind, which a change has all three of. */
function recordsOf(state: MutableState, kind: keyof typeof mapOf): Map<string, unknown> {
  return state[mapOf[kind]] as Map<string, unknown>;
}

function placeEndpoint(state: MutableState, id: EndpointId, value: Endpoint | undefined): () => void {
  const before = state.endpoints.get(id);
  setEndpoint(state, id, value);
  return () => setEndpoint(state, id, before);
}

function setEndpoint(state: MutableState, id: EndpointId, value: Endpoint | undefined): void {
  const before = state.endpoints.get(id);
  set(state.endpoints, id, value);
  regroup(state.endpointsBySandbox, id, { from: before?.sandboxId, to: value?.sandboxId, value });
  regroup(state.endpointsByNetwork, id, { from: before?.networkId, to: value?.networkId, value });
}

/** Moves an endpoint between the groups of an index. */
function regroup<K>(
  index: Map<K, Map<EndpointId, Endpoint>>,
  id: EndpointId,
  { from, to, value }: { from: K | undefined; to: K | undefined; value: Endpoint | undefined },
): void {
  const group = from === undefined || from === to ? undefined : index.get(from);
  group?.delete(id);
  if (group?.size === 0 && from !== undefined) index.delete(from);
  if (to === undefined || value === undefined) return;
  const joined = index.get(to) ?? new Map<EndpointId, Endpoint>();
  index.set(to, joined.set(id, value));
}

function place<K, V>(map: Map<K, V>, key: K, value: V | undefined): () => void {
  const before = map.get(key);
  set(map, key, value);
  return () => set(map, key, before);
}

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
