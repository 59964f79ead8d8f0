// Programs for the netlink threads: kernel requests that run one after the other and stop at the first failure.
import { NetError } from '../base/errors.ts';
import { type NativeOutcome, type NativeRun, native } from './native.ts';
import { NetlinkError } from './netlink/error.ts';
import { splitMessages } from './netlink/message.ts';
import type { Namespace } from './netns.ts';

/** Where a request goes: rtnetlink in the daemon's namespace or the program's, or nftables in the one or the other. */
export type NetlinkSocket = 'host' | 'namespace' | 'netfilter' | 'namespace-netfilter';

export interface RequestStep {
  readonly socket: NetlinkSocket;
  /** One or more whole netlink messages; their sequence numbers are filled in. */
  readonly message: Uint8Array;
  /** How many of the messages have NLM_F_ACK set. */
  readonly acks: number;
  /** The message is one NLM_F_DUMP request, answered until NLMSG_DONE. */
  readonly dump?: true;
}

export interface SysctlStep {
  /** Path below /proc/sys, e.g. `net/ipv4/conf/eth0/forwarding`. */
  readonly sysctl: string;
  readonly value: string;
  readonly in: 'host' | 'namespace';
}

export type Step = RequestStep | SysctlStep;

/** What the kernel answered to a step besides acknowledgements. */
export interface StepReplies {
  /** Whole netlink messages with their headers. */
  readonly messages: readonly Uint8Array[];
  /** The table changed while it was dumped, so the dump may be incoherent. */
  readonly interrupted: boolean;
}

// Words of the native step table, see native/addon/program.h.
const verbs = { request: 0, dump: 1, writeSysctl: 2, readSysctl: 3, readNet: 4 } as const;
const places = { host: 0, namespace: 1, netfilter: 2, 'namespace-netfilter': 3 } as const;
const wordsPerStep = 4;

const noReplies: StepReplies = { messages: [], interrupted: false };
const maxDumpAttempts = 10;

/**
 * Runs the steps on the netlink thread, after all programs submitted before. `namespace` may be closed once this returned.
 * Errors: NetlinkError with the index of the step that failed; the steps before it have taken effect.
 */
export async function runProgram(
  steps: readonly Step[],
  namespace?: Namespace,
): Promise<readonly StepReplies[]> {
  return run(native.runProgram, steps, namespace);
}

/**
 * As `runProgram`, on one of up to 32 further threads with sockets of their own: for what takes long and would delay the
 * rest. Programs run beside each other, in no order. They cannot change nftables tables, as those belong to the
 * socket of the first thread.
 */
export async function runReaper(
  steps: readonly Step[],
  namespace?: Namespace,
): Promise<readonly StepReplies[]> {
  return run(native.runReaper, steps, namespace);
}

/**
 * The messages of a dump, repeated when the kernel says that the table changed meanwhile (NLM_F_DUMP_INTR).
 * Errors: NetlinkError; `unavailable` when the table changed during ten dumps in a row.
 */
export async function dump(
  socket: NetlinkSocket,
  message: Uint8Array,
  namespace?: Namespace,
  runOn: typeof runProgram = runProgram,
): Promise<readonly Uint8Array[]> {
  for (let attempt = 0; attempt < maxDumpAttempts; attempt++) {
    const [replies] = await runOn([{ socket, message, acks: 0, dump: true }], namespace);
    if (replies !== undefined && !replies.interrupted) return replies.messages;
  }
  throw new NetError('unavailable', `the kernel's table changed during ${maxDumpAttempts} dumps in a row`);
}

/** The text of a sysctl as the netlink thread sees it, with the line break the kernel ends it with. */
export function readSysctlText(sysctl: string, namespace?: Namespace): Promise<string> {
  return readText(native.runProgram, { verb: verbs.readSysctl, path: sysctl, namespace });
}

/** The text of a file of /proc/net, such as `tcp`, as it is in the namespace. Errors: NetlinkError, `ENOENT`. */
export function readNetText(file: string, namespace?: Namespace): Promise<string> {
  return readText(native.runReaper, { verb: verbs.readNet, path: file, namespace });
}

interface TextFile {
  readonly verb: number;
  readonly path: string;
  readonly namespace: Namespace | undefined;
}

async function readText(runNative: NativeRun, { verb, path, namespace }: TextFile): Promise<string> {
  const place = namespace === undefined ? places.host : places.namespace;
  const bytes = Buffer.from(checkedPath(path));
  const table = Uint32Array.of(verb, place, 0, bytes.length);
  const outcome = await runNative(namespace?.fd ?? -1, table, bytes);
  if (outcome === undefined) return '';
  if ('errno' in outcome) throw new NetlinkError({ ...outcome, about: path });
  return Buffer.from(outcome.replies).toString();
}

async function run(
  runNative: NativeRun,
  steps: readonly Step[],
  namespace: Namespace | undefined,
): Promise<readonly StepReplies[]> {
  const { table, bytes } = encode(steps, namespace !== undefined);
  const outcome = await runNative(namespace?.fd ?? -1, table, bytes);
  return settle(steps, outcome);
}

function encode(steps: readonly Step[], hasNamespace: boolean): { table: Uint32Array; bytes: Uint8Array } {
  const table = new Uint32Array(steps.length * wordsPerStep);
  const parts = steps.map((step, index) => {
    const { verb, place, acks, bytes } = encodeStep(step);
    if ((place === places.namespace || place === places['namespace-netfilter']) && !hasNamespace) {
      throw new NetError('internal', `step ${index} needs a namespace and the program has none`);
    }
    table.set([verb, place, acks, bytes.length], index * wordsPerStep);
    return bytes;
  });
  const [first] = parts;
  return { table, bytes: parts.length === 1 && first !== undefined ? first : Buffer.concat(parts) };
}

function encodeStep(step: Step): { verb: number; place: number; acks: number; bytes: Uint8Array } {
  if ('sysctl' in step) {
    const bytes = Buffer.from(`${checkedPath(step.sysctl)}\0${step.value}`);
    return { verb: verbs.writeSysctl, place: places[step.in], acks: 0, bytes };
  }
  const verb = step.dump === true ? verbs.dump : verbs.request;
  return { verb, place: places[step.socket], acks: step.acks, bytes: step.message };
}

/** Interface names may hold dots, so sysctls are named by path; a path must stay below its directory. */
function checkedPath(path: string): string {
  const parts = path.split('/');
  if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new NetError('internal', `${JSON.stringify(path)} is not a path below /proc/sys or /proc/net`);
  }
  return path;
}

function settle(steps: readonly Step[], outcome: NativeOutcome): readonly StepReplies[] {
  if (outcome === undefined) return steps.map(() => noReplies);
  if ('errno' in outcome) throw new NetlinkError({ ...outcome, about: about(steps[outcome.step]) });
  const { replies, ends } = outcome;
  let start = 0;
  return steps.map((_, index) => {
    const end = ends[index * 2] ?? start;
    const messages = splitMessages(replies.subarray(start, end));
    start = end;
    return { messages, interrupted: ends[index * 2 + 1] === 1 };
  });
}

function about(step: Step | undefined): string | undefined {
  return step !== undefined && 'sysctl' in step ? step.sysctl : undefined;
}
