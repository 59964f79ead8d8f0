// What to say to a question: a pure function of the names and of what the asking sandbox may see.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { SandboxId } from '../model/ids.ts';
import type { Forwarding, NameEntry, ResolverView } from '../model/name-entry.ts';
import type { Protocol } from '../model/port.ts';
import { rcode, recordType } from './message/constants.ts';
import { nameFromText } from './message/domain-name.ts';
import { addressOfReverseName } from './message/reverse-name.ts';
import type { NameTable } from './names/name-table.ts';

/** What an asker may see; of none but the host it is not known which sandbox asks. */
export type View = Omit<ResolverView, 'sandboxId'> & Partial<Pick<ResolverView, 'sandboxId'>>;

export interface Question {
  /** A domain name, letters in the asker's case. */
  readonly name: string;
  readonly type: number;
}

export type ResourceRecord = { readonly name: string } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: IpAddress }
  | { readonly type: 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly port: number; readonly target: string }
  | { readonly type: 'SOA' | 'HINFO' }
);

export type ForwardTarget = Exclude<Forwarding, 'none'>;

/** No network of the asker has the name. */
export interface Forward {
  readonly forwardTo: ForwardTarget;
}

export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** Whose names it is about; absent when nobody's. */
  readonly owners?: readonly NameEntry[];
}

/** `_port._proto.name`, or the `_proto.name` above it. */
const serviceName = /^(?:_(\d{1,5})\.)?_(tcp|udp|sctp)\.(.+)$/;

/**
 * Answers from the networks the asker is on, or says that the question has to be forwarded.
 * @param turn counts questions: it decides which of several records comes first.
 * Throws when the answer has a name in it that no message can hold.
 */
export function answer(question: Question, view: View, table: NameTable, turn: number): Answer | Forward {
  if (question.type === recordType.AXFR || question.type === recordType.IXFR) return failure(rcode.REFUSED);
  const name = question.name.toLowerCase();
  const owners = ownersOf(name, view, table);
  if (owners !== undefined) return { ...answerName(question, owners, turn), owners };
  const address = addressOfReverseName(name);
  const holders = address === undefined ? [] : table.holding(address, view.networks);
  if (holders.length > 0) return { ...answerReverse(question, holders), owners: holders };
  return answerService(question, name, { view, table, turn }) ?? answerUnknown(view);
}

/** An answer without records. */
export function failure(code: number): Answer {
  return { rcode: code, authoritative: false, answers: [], authority: [], additional: [] };
}

/** The endpoints a name stands for; undefined when no network of the asker has it. A link hides other owners of its alias. */
function ownersOf(name: string, view: View, table: NameTable): readonly NameEntry[] | undefined {
  const linked = linkedTo(name, view);
  if (linked.length > 0) return linked.flatMap((target) => table.ofSandbox(target, view.networks));
  const owners = table.named(name, view.networks);
  return owners.length > 0 ? owners : undefined;
}

function linkedTo(name: string, view: View): readonly SandboxId[] {
  const links = view.links.filter((link) => nameFromText(link.alias)?.toLowerCase() === name);
  return [...new Set(links.map((link) => link.target))];
}

function answerName(question: Question, owners: readonly NameEntry[], turn: number): Answer {
  if (question.type === recordType.A || question.type === recordType.AAAA) {
    return found(question.name, rotate(addressRecords(question.name, owners, question.type), turn));
  }
  return otherType(question);
}

function answerReverse(question: Question, holders: readonly NameEntry[]): Answer {
  if (question.type !== recordType.PTR) return otherType(question);
  const records = holders.map((entry) => {
    return { name: question.name, type: 'PTR', target: qualifiedName(entry) } as const;
  });
  return found(question.name, records);
}

/** SRV of a port of a known name. Ports the name does not have do not exist; other names of this form are none of ours. */
function answerService(
  question: Question,
  name: string,
  { view, table, turn }: { view: View; table: NameTable; turn: number },
): Answer | undefined {
  const [, port, protocol, base = ''] = serviceName.exec(name) ?? [];
  const owners = ownersOf(base, view, table);
  if (owners === undefined) return undefined;
  if (port === undefined) return { ...otherType(question), owners };
  const serving = owners.filter((entry) => hasService(entry, protocol as Protocol, Number(port)));
  if (serving.length === 0) return { ...noSuchName(question.name.slice(-base.length)), owners };
  if (question.type !== recordType.SRV) return { ...otherType(question), owners: serving };
  const records = serving.map((entry) => {
    return { name: question.name, type: 'SRV', port: Number(port), target: qualifiedName(entry) } as const;
  });
  return {
    ...found(question.name, rotate(records, turn)),
    additional: targetAddresses(serving),
    owners: serving,
  };
}

function answerUnknown(view: View): Answer | Forward {
  return view.forwarding === 'none' ? noSuchName('') : { forwardTo: view.forwarding };
}

/** A name that is known but has no record of the type; ANY gets the one record that says so (RFC 8482 section 4.2). */
function otherType(question: Question): Answer {
  return found(
    question.name,
    question.type === recordType.ANY ? [{ name: question.name, type: 'HINFO' }] : [],
  );
}

/** Without records this is "no data": the SOA tells how long that may be remembered (RFC 2308). */
function found(name: string, answers: readonly ResourceRecord[]): Answer {
  const authority = answers.length > 0 ? [] : [{ name, type: 'SOA' } as const];
  return { rcode: rcode.NOERROR, authoritative: true, answers, authority, additional: [] };
}

function noSuchName(zone: string): Answer {
  return { ...failure(rcode.NXDOMAIN), authoritative: true, authority: [{ name: zone, type: 'SOA' }] };
}

function addressRecords(name: string, owners: readonly NameEntry[], type: number): readonly ResourceRecord[] {
  const family = type === recordType.A ? 4 : 6;
  const addresses = owners.flatMap((entry) => entry.addresses.filter((one) => familyOf(one) === family));
  return [...new Set(addresses)].map((address) => {
    return { name, type: family === 4 ? 'A' : 'AAAA', address } as const;
  });
}

function targetAddresses(serving: readonly NameEntry[]): readonly ResourceRecord[] {
  return serving.flatMap((entry) => {
    const name = qualifiedName(entry);
    return [recordType.A, recordType.AAAA].flatMap((type) => addressRecords(name, [entry], type));
  });
}

function hasService(entry: NameEntry, protocol: Protocol, port: number): boolean {
  return entry.services.some((service) => service.protocol === protocol && service.port === port);
}

/** The name that is the endpoint's alone. */
function qualifiedName(entry: NameEntry): string {
  const text = `${entry.names[0] ?? ''}.${entry.networkName}`;
  const name = nameFromText(text);
  if (name === undefined) throw new NetError('internal', `no message can hold the name ${text}`);
  return name;
}

function rotate<T>(items: readonly T[], turn: number): readonly T[] {
  const start = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
