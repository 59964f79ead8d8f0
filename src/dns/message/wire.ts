// Questions and answers in wire format. The only importer of dns2: its codecs of records run on our own writer, see
// docs/adr/0004; header, EDNS and whatever is passed on unread stay bytes.
import dns2 from 'dns2';
import type { Answer, ResourceRecord } from '../answer.ts';
import { classIn, opcodeQuery, rcode, recordType } from './constants.ts';
import { ByteWriter } from './dns2-bytes.ts';
import { readName } from './domain-name.ts';
import { flag, flagsOf, headerBytes, opcodeOf, questionOf, type RecordSpan, recordSpans } from './message.ts';
import type { Query } from './query.ts';
import { bareReply, emptyReply, finishReply, replyHead } from './reply.ts';

const { Packet } = dns2;

/** What a message that came in turns out to be: a question, one to refuse with these bytes, or nothing to react to. */
export type Incoming = { readonly query: Query } | { readonly refusal: Buffer } | undefined;

/** Seconds an answer about our own names may be remembered. */
const ttlSeconds = 5;
const ednsVersion = 0;
const hinfo = Buffer.from('\x07RFC8482\x00', 'latin1');
const soa = { primary: 'fairlead', admin: 'hostmaster.fairlead', serial: 1, refresh: 3600, retry: 600 };

export function decodeQuery(message: Buffer): Incoming {
  if (message.length < headerBytes || (flagsOf(message) & flag.QR) !== 0) return undefined;
  if (opcodeOf(message) !== opcodeQuery) return { refusal: bareReply(message, rcode.NOTIMP) };
  const question = questionOf(message);
  // Compression has nothing to point to in a question.
  const name = readName(message, headerBytes)?.name;
  const options = optionRecords(message);
  if (question === undefined || name === undefined || options === undefined) {
    return { refusal: bareReply(message, rcode.FORMERR) };
  }
  const query = toQuery(message, { question, name, option: options[0] });
  const version = options[0] === undefined ? ednsVersion : message[options[0].ttlOffset + 1];
  if (version !== ednsVersion) return { refusal: emptyReply(query, rcode.BADVERS) };
  if (question.readUInt16BE(question.length - 2) !== classIn) {
    return { refusal: emptyReply(query, rcode.REFUSED) };
  }
  return { query };
}

/** The reply to an answer of our own; `limitBytes` bounds it. */
export function encodeAnswer(query: Query, answer: Answer, limitBytes: number): Buffer {
  const { answers, authority, additional } = answer;
  const out = new ByteWriter();
  out.bytes(replyHead(query, answer.rcode | (answer.authoritative ? flag.AA : 0)));
  [answers, authority, additional].forEach(({ length }, i) => {
    out.patch((6 + 2 * i) * 8, length, 16);
  });
  // What is written of a name later points back to these (RFC 1035 section 4.1.4); the question keeps the asker's case.
  if (query.name !== '') out.names.set(query.name.toLowerCase(), headerBytes);
  for (const record of [...answers, ...authority, ...additional]) {
    Packet.Resource.encode(toResource(record), out);
  }
  return finishReply(query, out.finish(), limitBytes);
}

function toQuery(
  message: Buffer,
  parts: { question: Buffer; name: string; option: RecordSpan | undefined },
): Query {
  const { question, name, option } = parts;
  const query = {
    id: message.readUInt16BE(0),
    flags: flagsOf(message) & (flag.RD | flag.AD | flag.CD),
    question,
    name,
    type: question.readUInt16BE(question.length - 4),
  };
  if (option === undefined) return query;
  const dnssecOk = (message.readUInt16BE(option.ttlOffset + 2) & 0x8000) !== 0;
  return { ...query, edns: { payloadBytes: option.class, dnssecOk } };
}

/** The OPT record of a query, none or one; undefined when the message is malformed or has records no query has. */
function optionRecords(message: Buffer): readonly RecordSpan[] | undefined {
  const spans = recordSpans(message);
  if (spans === undefined || spans.some((span) => span.section !== 'additional')) return undefined;
  const options = spans.filter((span) => span.type === recordType.OPT);
  return options.length > 1 ? undefined : options;
}

function toResource(record: ResourceRecord): dns2.Packet.Resource {
  const common = { name: record.name, type: recordType[record.type], class: classIn, ttl: ttlSeconds };
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return new Packet.Resource({ ...common, address: record.address });
    case 'PTR':
      return new Packet.Resource({ ...common, domain: record.target });
    case 'SRV':
      return new Packet.Resource({
        ...common,
        priority: 0,
        weight: 0,
        port: record.port,
        target: record.target,
      });
    case 'SOA':
      return new Packet.Resource({ ...common, ...soa, expiration: 86_400, minimum: ttlSeconds });
    case 'HINFO':
      return Object.assign(new Packet.Resource(common), { data: hinfo });
  }
}
