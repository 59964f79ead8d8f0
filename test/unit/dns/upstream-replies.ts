// Replies as upstreams send them, byte by byte.
import { headerBytes, questionOf } from '../../../src/dns/message/message.ts';
import { questionBytes } from './messages.ts';

export interface FakeRecord {
  readonly type: number;
  readonly ttl: number;
  readonly data: readonly number[];
}

export interface ReplyOptions {
  readonly rcode?: number;
  readonly flags?: number;
  readonly answers?: readonly FakeRecord[];
  readonly authority?: readonly FakeRecord[];
}

export function replyBytes(name: string, options: ReplyOptions = {}): Buffer {
  return replyTo(questionBytes(name), options);
}

/** The reply to a question; an OPT record is added where the question has one. */
export function replyTo(question: Buffer, options: ReplyOptions = {}): Buffer {
  const { rcode = 0, flags = 0, answers = [], authority = [] } = options;
  const hasOpt = question.readUInt16BE(10) === 1;
  const asked = question.subarray(0, headerBytes + (questionOf(question)?.length ?? 0));
  const cookie = Buffer.from('000029100000000000000c000a0008aabbccddeeff0011', 'hex');
  const records = [...answers, ...authority].map(recordBytes);
  const reply = Buffer.concat([asked, ...records, ...(hasOpt ? [cookie] : [])]);
  reply.writeUInt16BE(0x8180 | flags | rcode, 2);
  reply.writeUInt16BE(answers.length, 6);
  reply.writeUInt16BE(authority.length, 8);
  return reply;
}

function recordBytes({ type, ttl, data }: FakeRecord): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, Buffer.from(data)]);
}
