// What etcd's API looks like on the wire, as little of it as is used: messages for proto-loader, and the same as types.
// Names and numbers: api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto of etcd 3.4. Enumerations are numbers here, and keys and
// values in answers text, which is the same on the wire. 64-bit numbers come as decimal text.

/** Of each method: its path, and whether it is a stream in both directions. */
export const methods = {
  range: 'etcdserverpb.KV.Range',
  txn: 'etcdserverpb.KV.Txn',
  watch: 'etcdserverpb.Watch.Watch',
  leaseGrant: 'etcdserverpb.Lease.LeaseGrant',
  leaseRevoke: 'etcdserverpb.Lease.LeaseRevoke',
  leaseKeepAlive: 'etcdserverpb.Lease.LeaseKeepAlive',
  authenticate: 'etcdserverpb.Auth.Authenticate',
} as const;

export interface Header {
  readonly revision: string;
}

export interface KeyValue {
  readonly key: string;
  readonly createRevision: string;
  readonly modRevision: string;
  readonly value: string;
  /** `0`: none. */
  readonly lease: string;
}

export interface WireEvent {
  readonly type: number;
  readonly kv: KeyValue;
}

export const deleteEvent = 1;

export interface Compare {
  readonly result: typeof compareEqual;
  readonly target: typeof compareCreate | typeof compareMod;
  readonly key: Buffer;
  readonly createRevision?: number;
  readonly modRevision?: number;
  readonly rangeEnd?: Buffer;
}

export const compareEqual = 0;
export const compareCreate = 1;
export const compareMod = 2;

export type RequestOp =
  | { readonly requestPut: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string } }
  | { readonly requestDeleteRange: { readonly key: Buffer; readonly rangeEnd?: Buffer } };

export type WatchRequest =
  | {
      readonly createRequest: {
        readonly key: Buffer;
        readonly rangeEnd: Buffer;
        readonly startRevision: number;
        readonly progressNotify: boolean;
        readonly fragment: boolean;
      };
    }
  | { readonly cancelRequest: { readonly watchId: string } }
  | { readonly progressRequest: Record<string, never> };

export interface WatchResponse {
  readonly header: Header;
  readonly watchId: string;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: string;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly WireEvent[];
}

/** Request and response of each method. */
export interface Calls {
  range: {
    request: { key: Buffer; rangeEnd?: Buffer; limit?: number; revision?: number };
    response: { header: Header; kvs: readonly KeyValue[]; more: boolean };
  };
  txn: {
    request: { compare: readonly Compare[]; success: readonly RequestOp[] };
    response: { header: Header; succeeded: boolean };
  };
  watch: { request: WatchRequest; response: WatchResponse };
  leaseGrant: { request: { TTL: number }; response: { header: Header; ID: string; TTL: string } };
  leaseRevoke: { request: { ID: string }; response: { header: Header } };
  leaseKeepAlive: { request: { ID: string }; response: { header: Header; ID: string; TTL: string } };
  authenticate: { request: { name: string; password: string }; response: { token: string } };
}

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
}

interface Message {
  readonly fields: Record<string, Field>;
}

type Fields = Readonly<Record<string, readonly [type: string, id: number]>>;

const bothStreams = { requestStream: true, responseStream: true };

/** In protobufjs's JSON form. */
export const protocol = {
  nested: {
    etcdserverpb: {
      nested: {
        ResponseHeader: message({ revision: ['int64', 3] }),
        KeyValue: message({
          ...{ key: ['string', 1], createRevision: ['int64', 2], modRevision: ['int64', 3] },
          ...{ value: ['string', 5], lease: ['int64', 6] },
        }),
        RangeRequest: message({
          ...{ key: ['bytes', 1], rangeEnd: ['bytes', 2], limit: ['int64', 3], revision: ['int64', 4] },
        }),
        RangeResponse: message(
          { header: ['ResponseHeader', 1], more: ['bool', 3] },
          { kvs: ['KeyValue', 2] },
        ),
        PutRequest: message({ key: ['bytes', 1], value: ['bytes', 2], lease: ['int64', 3] }),
        DeleteRangeRequest: message({ key: ['bytes', 1], rangeEnd: ['bytes', 2] }),
        RequestOp: choice({ requestPut: ['PutRequest', 2], requestDeleteRange: ['DeleteRangeRequest', 3] }),
        Compare: message({
          ...{ result: ['int32', 1], target: ['int32', 2], key: ['bytes', 3] },
          ...{ createRevision: ['int64', 5], modRevision: ['int64', 6], rangeEnd: ['bytes', 64] },
        }),
        TxnRequest: message({}, { compare: ['Compare', 1], success: ['RequestOp', 2] }),
        TxnResponse: message({ header: ['ResponseHeader', 1], succeeded: ['bool', 2] }),
        WatchCreateRequest: message({
          ...{ key: ['bytes', 1], rangeEnd: ['bytes', 2], startRevision: ['int64', 3] },
          ...{ progressNotify: ['bool', 4], fragment: ['bool', 8] },
        }),
        WatchCancelRequest: message({ watchId: ['int64', 1] }),
        WatchProgressRequest: message({}),
        WatchRequest: choice({
          createRequest: ['WatchCreateRequest', 1],
          cancelRequest: ['WatchCancelRequest', 2],
          progressRequest: ['WatchProgressRequest', 3],
        }),
        Event: message({ type: ['int32', 1], kv: ['KeyValue', 2] }),
        WatchResponse: message(
          {
            ...{ header: ['ResponseHeader', 1], watchId: ['int64', 2], created: ['bool', 3] },
            ...{ canceled: ['bool', 4], compactRevision: ['int64', 5], cancelReason: ['string', 6] },
            fragment: ['bool', 7],
          },
          { events: ['Event', 11] },
        ),
        LeaseGrantRequest: message({ TTL: ['int64', 1] }),
        LeaseGrantResponse: message({ header: ['ResponseHeader', 1], ID: ['int64', 2], TTL: ['int64', 3] }),
        LeaseRevokeRequest: message({ ID: ['int64', 1] }),
        LeaseRevokeResponse: message({ header: ['ResponseHeader', 1] }),
        LeaseKeepAliveRequest: message({ ID: ['int64', 1] }),
        LeaseKeepAliveResponse: message({
          header: ['ResponseHeader', 1],
          ID: ['int64', 2],
          TTL: ['int64', 3],
        }),
        AuthenticateRequest: message({ name: ['string', 1], password: ['string', 2] }),
        AuthenticateResponse: message({ token: ['string', 2] }),
        KV: { methods: { Range: call('Range'), Txn: call('Txn') } },
        Watch: { methods: { Watch: { ...call('Watch'), ...bothStreams } } },
        Lease: {
          methods: {
            LeaseGrant: call('LeaseGrant'),
            LeaseRevoke: call('LeaseRevoke'),
            LeaseKeepAlive: { ...call('LeaseKeepAlive'), ...bothStreams },
          },
        },
        Auth: { methods: { Authenticate: call('Authenticate') } },
      },
    },
  },
};

function call(name: string) {
  return { requestType: `${name}Request`, responseType: `${name}Response` };
}

/** A message with one of these fields at a time. */
function choice(fields: Fields) {
  return { ...message(fields), oneofs: { choice: { oneof: Object.keys(fields) } } };
}

function message(fields: Fields, repeated: Fields = {}): Message {
  const all: Record<string, Field> = {};
  for (const [name, [type, id]] of Object.entries(fields)) all[name] = { type, id };
  for (const [name, [type, id]] of Object.entries(repeated)) all[name] = { rule: 'repeated', type, id };
  return { fields: all };
}
