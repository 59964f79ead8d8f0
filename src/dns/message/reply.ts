// Whole messages put together from bytes: replies cut to what the asker takes, and questions to upstreams.
import { recordType } from './constants.ts';
import { cutBefore, flag, flagsOf, headerBytes, patchFlags, recordSpans } from './message.ts';
import type { Query } from './query.ts';

/** Without EDNS (RFC 1035 section 4.2.1). */
const plainPayloadBytes = 512;
/** What we take, and the most we send in a datagram over a loopback, where nothing fragments. */
export const loopbackPayloadBytes = 4096;
/** The most that goes over any link without being cut to pieces on the way (the flag day value of 2020). */
export const linkPayloadBytes = 1232;
const optBytes = 11;

/** The most a reply may have over UDP, where `mostBytes` get through. */
export function datagramLimit(query: Query, mostBytes: number): number {
  const asked = query.edns?.payloadBytes ?? plainPayloadBytes;
  return Math.min(Math.max(asked, plainPayloadBytes), mostBytes);
}

/** Header and question of a reply, nothing counted but the question. */
export function replyHead(query: Query, flags: number): Buffer {
  return head(query, query.id, flag.QR | flag.RA | (query.flags & (flag.RD | flag.CD)) | flags);
}

/** A reply without records. */
export function emptyReply(query: Query, code: number): Buffer {
  return finishReply(query, replyHead(query, code & 0xf), loopbackPayloadBytes, code >> 4);
}

/** A reply to something whose question cannot be read. */
export function bareReply(message: Buffer, code: number): Buffer {
  const reply = Buffer.alloc(headerBytes);
  reply.writeUInt16BE(message.readUInt16BE(0), 0);
  reply.writeUInt16BE(flag.QR | (flagsOf(message) & (0x7800 | flag.RD)) | flag.RA | code, 2);
  return reply;
}

/** An upstream's reply, without its OPT record, made the reply to this asker. */
export function passOn(query: Query, reply: Buffer, limitBytes: number): Buffer {
  const body = Buffer.from(reply);
  body.writeUInt16BE(query.id, 0);
  patchFlags(body, flag.RA | (query.flags & flag.RD), flag.RD | flag.AA);
  query.question.copy(body, headerBytes);
  return finishReply(query, body, limitBytes);
}

/** Cuts a reply to what the asker takes, and adds the OPT record if the asker sent one. */
export function finishReply(query: Query, body: Buffer, limitBytes: number, extendedRcode = 0): Buffer {
  const { edns } = query;
  const fitting = truncate(body, edns === undefined ? limitBytes : limitBytes - optBytes);
  return edns === undefined ? fitting : withOpt(fitting, loopbackPayloadBytes, edns.dnssecOk, extendedRcode);
}

/** The question as it is sent to an upstream: EDNS only where the asker used it. */
export function encodeForwarded(query: Query, id: number): Buffer {
  const message = head(query, id, query.flags);
  return query.edns === undefined ? message : withOpt(message, linkPayloadBytes, query.edns.dnssecOk, 0);
}

function head(query: Query, id: number, flags: number): Buffer {
  const message = Buffer.alloc(headerBytes + query.question.length);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE(flags, 2);
  message.writeUInt16BE(1, 4);
  query.question.copy(message, headerBytes);
  return message;
}

/** Leaves out the first record that does not fit and all after it, and says so by TC unless only extras are missing. */
function truncate(body: Buffer, limitBytes: number): Buffer {
  if (body.length <= limitBytes) return body;
  const spans = recordSpans(body) ?? [];
  const first = spans.findIndex((span) => span.end > limitBytes);
  const cut = cutBefore(body, spans, first);
  if (spans[first]?.section !== 'additional') patchFlags(cut, flag.TC);
  return cut;
}

// RFC 6891 section 6.1.2
//   offset  size  field
//   0       1     name, the root
//   1       2     type, 41
//   3       2     UDP payload size
//   5       1     upper bits of the rcode
//   6       1     version
//   7       2     DO (1 bit), zero
//   9       2     length of options, none
function withOpt(body: Buffer, payloadBytes: number, dnssecOk: boolean, extendedRcode: number): Buffer {
  const message = Buffer.concat([body, Buffer.alloc(optBytes)]);
  const start = body.length;
  message.writeUInt16BE(recordType.OPT, start + 1);
  message.writeUInt16BE(payloadBytes, start + 3);
  message.writeUInt8(extendedRcode, start + 5);
  message.writeUInt16BE(dnssecOk ? 0x8000 : 0, start + 7);
  message.writeUInt16BE(body.readUInt16BE(10) + 1, 10);
  return message;
}
