// Messages askers might send, made up from a seed: questions about names there are and names much like them, and what is no question.
import { toBytes } from '../../../src/base/cidr.ts';
import type { Random } from '../../support/random.ts';
import { pick, ports, randomAddress, someNames, someNetworkNames } from './random-world.ts';

type Labels = readonly Buffer[];

const types = [1, 1, 1, 28, 28, 12, 33, 6, 255, 16, 15, 65, 251, 252, 41, 13, 2];
const payloads = [0, 100, 511, 512, 513, 600, 1232, 4096, 4097, 65_535];

/** With this id, whatever else is wrong with it. */
export function randomMessage(random: Random, id: number): Buffer {
  const message = random.below(12) === 0 ? mutated(random, randomQuestion(random)) : randomQuestion(random);
  if (message.length >= 2) message.writeUInt16BE(id, 0);
  return message;
}

function randomQuestion(random: Random): Buffer {
  const labels = foldedAtRandom(random, randomLabels(random));
  const name = [...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])];
  const type = random.below(20) === 0 ? random.below(0x1_0000) : typeFor(random, labels);
  const oddClass = random.below(25) === 0;
  const qclass = oddClass ? pick(random, [0, 3, 254, 255, random.below(0x1_0000)]) : 1;
  const extras = randomExtras(random);
  const header = words(0, randomFlags(random), 1, 0, 0, extras.length);
  return Buffer.concat([header, ...name, words(type, qclass), ...extras]);
}

/** More often than not the type a name of that form is asked with. */
function typeFor(random: Random, labels: Labels): number {
  const text = labels.map(String).join('.');
  if (random.below(3) === 0) return pick(random, types);
  if (/arpa$/i.test(text)) return 12;
  return text.startsWith('_') ? 33 : pick(random, [1, 28]);
}

function randomFlags(random: Random): number {
  const usual = pick(random, [0x0100, 0x0100, 0x0100, 0, 0x0120, 0x0110, 0x0130]);
  if (random.below(30) !== 0) return usual;
  return pick(random, [usual | 0x8000, usual | 0x1000, usual | 0x2800, usual | 0x0640, usual | 0x008f]);
}

function randomLabels(random: Random): Labels {
  const kinds = [known, known, known, qualified, qualified, near, service, service, reverse, reverse, odd];
  return pick(random, kinds)(random);
}

function known(random: Random): Labels {
  return labelsOf(pick(random, someNames));
}

function qualified(random: Random): Labels {
  return [...known(random), ...labelsOf(pick(random, someNetworkNames))];
}

function near(random: Random): Labels {
  const labels = random.below(2) === 0 ? known(random) : qualified(random);
  const changes: readonly (() => Labels)[] = [
    () => [Buffer.from('sub'), ...labels],
    () => labels.slice(1),
    () => [...labels, ...labels],
    () => [Buffer.concat(labels).subarray(0, 63)],
    () => [Buffer.from(labels.map(String).join('.')).subarray(0, 63)],
    () => labels.map((label) => Buffer.concat([label, Buffer.from([0])]).subarray(0, 63)),
    () => labels.map((label) => label.subarray(0, Math.max(label.length - 1, 1))),
    () => [Buffer.from('example'), Buffer.from('com')],
  ];
  return pick(random, changes)();
}

function service(random: Random): Labels {
  const port = pick(random, [
    ...ports.map(String),
    '0',
    '080',
    '00080',
    '65536',
    '99999',
    '100000',
    'http',
    '',
  ]);
  const protocol = pick(random, ['_tcp', '_udp', '_sctp', '_tcp', '_quic', 'tcp', '_TCP']);
  const base = random.below(2) === 0 ? known(random) : qualified(random);
  const above = random.below(4) === 0 ? [] : [Buffer.from(`_${port}`)];
  if (random.below(12) === 0) return [Buffer.from(`_${port}.${protocol}`), ...base];
  return [...above, Buffer.from(protocol), ...(random.below(15) === 0 ? [] : base)];
}

function reverse(random: Random): Labels {
  const bytes = [...toBytes(randomAddress(random))].reverse();
  const parts =
    bytes.length === 4
      ? [...bytes.map(String), 'in-addr', 'arpa']
      : [
          ...bytes.flatMap((byte) => [byte & 15, byte >> 4]).map((nibble) => nibble.toString(16)),
          'ip6',
          'arpa',
        ];
  const changes: readonly (() => readonly string[])[] = [
    () => parts.slice(1),
    () => ['0', ...parts],
    () => parts.map((part) => (/^\d$/.test(part) ? `0${part}` : part)),
    () => [parts.slice(0, 2).join('.'), ...parts.slice(2)],
    () => parts.with(0, pick(random, ['256', '300', '-1', 'g', '1000', '+1', ' 1'])),
    () => parts.slice(0, -1),
  ];
  const made = random.below(4) === 0 ? pick(random, changes)() : parts;
  return made.map((part) => Buffer.from(part));
}

/** Of any bytes, up to the most a name may have and over it. */
function odd(random: Random): Labels {
  const length = () => pick(random, [1, 1, 2, 3, 10, 62, 63]);
  const bytes = () => Buffer.from(Array.from({ length: length() }, () => random.below(256)));
  return Array.from({ length: random.below(6) }, bytes);
}

function foldedAtRandom(random: Random, labels: Labels): Labels {
  if (random.below(2) === 0) return labels;
  const isLetter = (byte: number) => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  return labels.map((label) =>
    Buffer.from(label.map((byte) => (isLetter(byte) && random.below(2) === 0 ? byte ^ 0x20 : byte))),
  );
}

/** What comes after the question: OPT most of the time, if anything. */
function randomExtras(random: Random): readonly Buffer[] {
  if (random.below(2) === 0) return [];
  const option = () => {
    const version = random.below(20) === 0 ? random.below(256) : 0;
    const data = random.below(8) === 0 ? Buffer.from('000a0008deadbeefdeadbeef', 'hex') : Buffer.alloc(0);
    const head = words(41, pick(random, payloads), version, random.below(2) === 0 ? 0 : 0x8000, data.length);
    return Buffer.concat([Buffer.from([0]), head, data]);
  };
  const other = () =>
    Buffer.concat([Buffer.from('\x03web\0', 'latin1'), words(1, 1, 0, 5, 4, 0x0a00, 0x0001)]);
  const named = () => Buffer.concat([Buffer.from('\x01a', 'latin1'), option()]);
  switch (random.below(30)) {
    case 0:
      return [option(), option()];
    case 1:
      return [other()];
    case 2:
      return [other(), option()];
    case 3:
      return [named()];
    default:
      return [option()];
  }
}

function mutated(random: Random, message: Buffer): Buffer {
  const changes: readonly (() => Buffer)[] = [
    () => message.subarray(0, random.below(message.length)),
    () => Buffer.concat([message, Buffer.alloc(1 + random.below(20), random.below(256))]),
    () => withByte(message, 4 + random.below(8), pick(random, [0, 1, 2, 255])),
    () => withByte(message, random.below(message.length), random.below(256)),
    () => withByte(message, 12, pick(random, [0xc0, 0x40, 0x80, 64, 255])),
    () => Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256))),
  ];
  return Buffer.from(pick(random, changes)());
}

function withByte(message: Buffer, offset: number, value: number): Buffer {
  const changed = Buffer.from(message);
  if (offset < changed.length) changed[offset] = value;
  return changed;
}

function labelsOf(text: string): Labels {
  return text
    .split('.')
    .filter((label) => label !== '')
    .map((label) => Buffer.from(label).subarray(0, 63));
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i);
  return bytes;
}
