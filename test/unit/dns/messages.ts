// Questions as askers send them and replies as they read them, by dns2's own parser rather than ours.
import dns2 from 'dns2';

const { Packet } = dns2;

export const types = {
  A: 1,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  HTTPS: 65,
  ANY: 255,
};

export interface QuestionOptions {
  readonly id?: number;
  readonly type?: number;
  readonly class?: number;
  /** Header bits beside RD. */
  readonly flags?: number;
  readonly edns?: { readonly payloadBytes?: number; readonly version?: number; readonly dnssecOk?: boolean };
}

export function questionBytes(name: string, options: QuestionOptions = {}): Buffer {
  const { id = 0x1234, type = types.A, class: qclass = 1, flags = 0, edns } = options;
  const labels = name.split('.').filter((label) => label !== '');
  const encoded = labels.map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
  );
  const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
  const header = words(id, 0x0100 | flags, 1, 0, 0, edns === undefined ? 0 : 1);
  const message = Buffer.concat([header, ...encoded, Buffer.from([0]), words(type, qclass)]);
  if (edns === undefined) return message;
  const { payloadBytes = 1232, version = 0, dnssecOk = false } = edns;
  const option = [0, 0, 41, payloadBytes >> 8, payloadBytes & 0xff, 0, version, dnssecOk ? 0x80 : 0, 0, 0, 0];
  return Buffer.concat([message, Buffer.from(option)]);
}

export interface ReplyView {
  readonly id: number;
  readonly rcode: number;
  readonly flags: readonly string[];
  readonly question: string;
  /** `NAME TTL TYPE DATA`, OPT left out. */
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

/** Throws when the counts do not match the records. */
export function readReply(message: Buffer): ReplyView {
  const packet = Packet.parse(message);
  const counts = [4, 6, 8, 10].map((offset) => message.readUInt16BE(offset));
  const sections = [packet.questions, packet.answers, packet.authorities, packet.additionals];
  if (sections.some((section, i) => section.length !== counts[i])) throw new Error('counts do not match');
  const header = packet.header as unknown as Record<string, number>;
  return {
    id: packet.header.id,
    rcode: packet.header.rcode,
    flags: ['aa', 'tc', 'rd', 'ra', 'ad', 'cd'].filter((name) => header[name] === 1),
    question: packet.questions.map((question) => question.name).join(),
    answers: packet.answers.map(recordText),
    authority: packet.authorities.map(recordText),
    additional: packet.additionals.filter(({ type }) => type !== 41).map(recordText),
  };
}

/** The OPT record of a reply. */
export function optionOf(message: Buffer): { payloadBytes: number; ttl: number } | undefined {
  const option = Packet.parse(message).additionals.find(({ type }) => type === 41);
  return option && { payloadBytes: option.class, ttl: option.ttl };
}

function recordText(record: dns2.Packet.Resource): string {
  const type = Object.entries(types).find(([, value]) => value === record.type)?.[0] ?? String(record.type);
  return `${record.name} ${record.ttl} ${type} ${dataText(record)}`.trimEnd();
}

function dataText(record: dns2.Packet.Resource): string {
  if (record.type === types.SRV) return `${record.priority} ${record.weight} ${record.port} ${record.target}`;
  if (record.type === types.SOA) return `${record.primary} ${record.admin} ${record.minimum}`;
  if (Buffer.isBuffer(record.data)) return record.data.toString('latin1').replace(/[^ -~]/g, '');
  return record.address ?? record.domain ?? '';
}
