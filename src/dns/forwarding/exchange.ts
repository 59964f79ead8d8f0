// One question to one upstream: over UDP, and over TCP when the reply says it was cut.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, isIPv6, type Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import type { SandboxId } from '../../model/ids.ts';
import { flag, flagsOf, questionOf, sameQuestion } from '../message/message.ts';
import { FrameReader, frame } from './framing.ts';

export interface Upstream {
  /** May carry a zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
  /** The sandbox whose namespace it is asked from; the host's when absent. */
  readonly askedFrom?: SandboxId;
  /** What it is asked by, where that is not a socket of the host. */
  readonly sockets?: AskingSockets;
  readonly patience?: Patience;
}

/** Opens a socket for each question. */
export interface AskingSockets {
  /** Yet to be connected. */
  udp(): Promise<UdpSocket>;
  /** On its way to the upstream. */
  tcp(): Promise<Socket>;
}

/** How long an upstream is given, and after which times without a reply the datagram is sent again. */
export interface Patience {
  readonly timeoutMs: number;
  readonly resendMs: number;
}

const usualPatience: Patience = { timeoutMs: 4_000, resendMs: 1_000 };
/** Datagrams from the upstream's address that are no reply to the question: so many are somebody guessing at its id. */
const wrongDatagramsMax = 100;

/** Equal for upstreams that are one: the same address, asked from the same namespace. */
export function upstreamKey({ address, port, askedFrom }: Upstream): string {
  return `${askedFrom ?? ''} ${address}#${port}`;
}

/**
 * The upstream's reply: to this very question, with its id, from its address. A reply still cut is one whose rest could
 * not be had over TCP. Where the replies of others come in its name, it is asked over TCP, where they cannot. Rejects on
 * time-out, when the upstream refuses to be reached, or on `signal`.
 */
export async function askUpstream(
  upstream: Upstream,
  question: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const { timeoutMs } = upstream.patience ?? usualPatience;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('timed out')), timeoutMs);
  const stop = () => limit.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    const reply = await askOverUdp(upstream, question, limit.signal);
    if (reply === undefined) return await askOverTcp(upstream, question, limit.signal);
    if (!isCut(reply)) return reply;
    return await askOverTcp(upstream, question, limit.signal).catch(() => reply);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

export function isCut(reply: Buffer): boolean {
  return (flagsOf(reply) & flag.TC) !== 0;
}

async function askOverUdp(
  upstream: Upstream,
  question: Buffer,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const socket = (await upstream.sockets?.udp()) ?? createSocket(isIPv6(upstream.address) ? 'udp6' : 'udp4');
  return exchangeDatagrams(socket, upstream, question, signal);
}

/**
 * The socket is connected: replies from elsewhere are dropped by the kernel, and a closed port is an error at once. Undefined when
 * too much came that is no reply.
 */
function exchangeDatagrams(
  socket: UdpSocket,
  { address, port, patience = usualPatience }: Upstream,
  question: Buffer,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    let resend: NodeJS.Timeout | undefined;
    let wrong = 0;
    const send = () => socket.send(question);
    const settle = (done: () => void) => {
      clearInterval(resend);
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners().on('error', ignore).close();
      done();
    };
    const abort = () => settle(() => reject(signal.reason));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('message', (reply) => {
      if (isReply(reply, question)) settle(() => resolve(reply));
      else if (++wrong >= wrongDatagramsMax) settle(() => resolve(undefined));
    });
    // Not by a callback of connect, which would be called for its errors too.
    socket.on('connect', () => {
      send();
      resend = setInterval(send, patience.resendMs);
    });
    socket.connect(port, address);
  });
}

async function askOverTcp(upstream: Upstream, question: Buffer, signal: AbortSignal): Promise<Buffer> {
  const socket =
    (await upstream.sockets?.tcp()) ??
    connect({ host: upstream.address, port: upstream.port, noDelay: true });
  addAbortSignal(signal, socket);
  return new Promise((resolve, reject) => {
    const frames = new FrameReader();
    socket.on('data', (chunk) => {
      const reply = frames.push(chunk).find((message) => isReply(message, question));
      if (reply === undefined) return;
      resolve(reply);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without a reply')));
    socket.write(frame(question));
  });
}

function isReply(message: Buffer, question: Buffer): boolean {
  const asked = questionOf(question);
  const answered = questionOf(message);
  if (asked === undefined || answered === undefined) return false;
  return (
    message.readUInt16BE(0) === question.readUInt16BE(0) &&
    (flagsOf(message) & flag.QR) !== 0 &&
    sameQuestion(asked, answered)
  );
}

function ignore(): void {}
