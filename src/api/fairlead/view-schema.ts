// What answers look like: documentation, and checked against real answers by the tests.
import { anyText, flag, object, port, type Schema, textMap, wholeNumber } from '../schema.ts';

/** However long it gets. */
export function many(items: Schema): Schema {
  return { type: 'array', items };
}

const protocol: Schema = { type: 'string', enum: ['tcp', 'udp', 'sctp'] };
const exposedPort = object({ protocol, port }, ['protocol', 'port']);
/** 0 where the port is open at the endpoint's own address. */
const hostPort: Schema = { ...port, minimum: 0 };
/** Who may use a published port; everybody when absent. */
const from = many(anyText);
const publishedPort = object({ protocol, port, hostAddress: anyText, hostPort, from }, [
  'protocol',
  'port',
  'hostAddress',
  'hostPort',
]);

export const endpointView = object(
  {
    id: anyText,
    networkId: anyText,
    networkName: anyText,
    sandboxId: anyText,
    sandboxName: anyText,
    createdAt: anyText,
    ifname: anyText,
    mac: anyText,
    addresses: many(anyText),
    aliases: many(anyText),
    links: many(object({ target: anyText, alias: anyText }, ['target', 'alias'])),
    gatewayPriority: wholeNumber,
    ports: many(publishedPort),
    exposed: many(exposedPort),
    options: textMap,
    engine: { type: 'string', enum: ['offered', 'taken'] },
    pending: flag,
  },
  ['id', 'networkId', 'networkName', 'sandboxId', 'sandboxName', 'ifname', 'addresses', 'ports'],
);

const pool = object({ subnet: anyText, range: anyText, gateway: anyText, reserved: textMap }, ['subnet']);

const network = {
  id: anyText,
  name: anyText,
  driver: anyText,
  createdAt: anyText,
  internal: flag,
  ipv4: flag,
  ipv6: flag,
  options: textMap,
  givenOptions: textMap,
  labels: textMap,
  ipam: object({ driver: anyText, options: textMap, pools: many(pool) }, ['driver', 'options', 'pools']),
  requested: textMap,
  shared: flag,
  builtin: flag,
  pending: flag,
};
const networkFields = ['id', 'name', 'driver', 'ipam', 'builtin'];

export const networkRecord = object(network, networkFields);
const ofView = { ...network, endpoints: many(endpointView) };
export const networkView = object(ofView, [...networkFields, 'endpoints']);

const peerFields = {
  id: anyText,
  name: anyText,
  hostId: anyText,
  hostName: anyText,
  hostAddress: anyText,
  mac: anyText,
  addresses: many(anyText),
};

/** A shared network has one of the two: its endpoints on other hosts, or why they cannot be read. */
export const inspectedNetwork = object(
  { ...ofView, peers: many(object(peerFields, Object.keys(peerFields))), peersError: anyText },
  [...networkFields, 'endpoints'],
);

const sandboxProcess = object(
  {
    pid: wholeNumber,
    startTime: wholeNumber,
    command: many(anyText),
    detached: flag,
    logPath: anyText,
    restart: anyText,
    exitStatus: wholeNumber,
    endedAt: anyText,
  },
  ['pid', 'command', 'detached', 'restart'],
);

const namespace = object(
  {
    kind: { type: 'string', enum: ['pinned', 'adopted', 'awaited', 'host', 'shared'] },
    path: anyText,
    device: wholeNumber,
    inode: wholeNumber,
    pid: wholeNumber,
    startTime: wholeNumber,
    expectedPath: anyText,
    with: anyText,
  },
  ['kind'],
);

export const sandboxView = object(
  {
    id: anyText,
    name: anyText,
    createdAt: anyText,
    bootId: anyText,
    namespace,
    hostname: anyText,
    dns: object({ servers: many(anyText), search: many(anyText), options: many(anyText) }),
    extraHosts: many(object({ name: anyText, address: anyText })),
    labels: textMap,
    process: sandboxProcess,
    engine: object({ containerId: anyText }),
    autoRemove: flag,
    pending: flag,
    status: { type: 'string', enum: ['created', 'running', 'exited'] },
    exitStatus: wholeNumber,
    endpoints: many(endpointView),
  },
  ['id', 'name', 'namespace', 'status', 'endpoints'],
);

export const portView = object(
  {
    networkName: anyText,
    sandboxName: anyText,
    sandboxId: anyText,
    endpointId: anyText,
    protocol,
    port,
    hostAddress: anyText,
    hostPort,
    address: anyText,
    from,
  },
  ['networkName', 'sandboxName', 'protocol', 'port', 'hostAddress', 'hostPort', 'address'],
);

const party = object(
  {
    kind: { type: 'string', enum: ['network', 'sandbox'] },
    id: anyText,
    name: anyText,
    addresses: many(anyText),
  },
  ['kind', 'id', 'name', 'addresses'],
);

export const policyView = object(
  {
    id: anyText,
    createdAt: anyText,
    from: party,
    to: party,
    ports: object({ protocol, first: port, last: port }, ['protocol', 'first', 'last']),
  },
  ['id', 'createdAt', 'from', 'to'],
);

export const checkResult = object(
  {
    differences: many(object({ object: anyText, problem: anyText, repaired: flag })),
    notes: many(object({ object: anyText, problem: anyText })),
  },
  ['differences', 'notes'],
);

export const versionView = object({ version: anyText, apiVersion: anyText }, ['version', 'apiVersion']);
