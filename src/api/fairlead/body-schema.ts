// What requests may carry, field by field, with the limits.
import { anyText, flag, list, object, processId, text, textMap, texts, wholeNumber } from '../schema.ts';

const pool = object({ subnet: text, range: text, gateway: text, reserved: textMap });

export const createNetworkBody = object(
  {
    name: text,
    driver: text,
    internal: flag,
    ipv4: flag,
    ipv6: flag,
    pools: list(pool),
    ipamDriver: text,
    ipamOptions: textMap,
    options: textMap,
    labels: textMap,
  },
  ['name'],
);

export const connectBody = object(
  {
    target: text,
    addresses: texts,
    mac: text,
    ifname: text,
    aliases: texts,
    links: list(object({ target: text, alias: text }, ['target', 'alias'])),
    gatewayPriority: wholeNumber,
    ports: texts,
    exposed: texts,
    publishAll: flag,
    options: textMap,
  },
  ['target'],
);

export const disconnectBody = object({ target: text, force: flag }, ['target']);

export const sandboxBody = object({
  name: text,
  hostname: text,
  dns: object({ servers: texts, search: texts, options: texts }),
  extraHosts: list(object({ name: text, address: text }, ['name', 'address'])),
  labels: textMap,
});

export const publishBody = object({ target: text, ports: { ...texts, minItems: 1 }, network: text }, [
  'target',
  'ports',
]);

export const policyBody = object({ from: text, to: text }, ['from', 'to']);

// No argument of a process contains a NUL byte, and in the plan it ends a field.
const argument = { type: 'string', pattern: '^[^\\u0000]*$' };

export const launchBody = object(
  {
    verb: { type: 'string', enum: ['run', 'exec'] },
    arguments: { type: 'array', items: argument },
    pid: processId,
    directory: { type: 'string', pattern: '^/[^\\u0000]*$' },
    terminal: { type: 'array', items: flag, minItems: 3, maxItems: 3 },
  },
  ['verb', 'arguments', 'pid', 'directory', 'terminal'],
);

export const commandBody = object(
  {
    verb: { type: 'string', enum: ['connect', 'disconnect'] },
    arguments: { type: 'array', items: argument },
  },
  ['verb', 'arguments'],
);

export const cniBody = object(
  {
    environment: { type: 'object', additionalProperties: anyText },
    configuration: anyText,
    ipam: anyText,
    program: anyText,
  },
  ['environment', 'configuration'],
);
