// Answers `net why`: traces a packet to every address that may be meant, and says what would change the outcome.
import type { IpAddress } from '../base/cidr.ts';
import type { WhyProbe, WhyRequest, WhyView, WhyWay } from '../model/why.ts';
import type { Trace, TracedPeer } from '../tracer/tracer.ts';
import { networkPolicy } from './desired.ts';
import type { Parts } from './parts.ts';
import { advise } from './why-advice.ts';
import { peersAt, tracedPeer } from './why-peers.ts';
import { probeWay } from './why-probe.ts';
import { heldPorts, type Question, questionOf, tracedSandboxes } from './why-question.ts';

export async function why(parts: Parts, request: WhyRequest): Promise<WhyView> {
  const question = await questionOf(parts, request);
  const { fromName, toName, protocol, port, addresses } = question;
  const traces: { readonly address: IpAddress; readonly trace: Trace }[] = [];
  for (const address of addresses) traces.push({ address, trace: await traceTo(parts, question, address) });
  // All at once: each may take its two seconds.
  const ways = await Promise.all(
    traces.map(async ({ address, trace }) => {
      const way = wayOf(parts, question, address, trace);
      if (request.probe !== true) return way;
      const retrace = () => traceTo(parts, question, address);
      const probe = await probeWay(parts, question, { address, trace, retrace });
      return { ...way, ...decided(trace, probe), probe };
    }),
  );
  return {
    from: fromName,
    to: toName,
    protocol,
    ...(port !== undefined && { port }),
    passes: ways.some(({ passes }) => passes === true),
    ways,
  };
}

function traceTo(parts: Parts, question: Question, to: IpAddress): Promise<Trace> {
  const { origin, protocol, port, goal, others } = question;
  return parts.tracer.trace({
    from: origin,
    to,
    protocol,
    ...(port !== undefined && { port }),
    ...(goal !== undefined && { goal }),
    sandboxes: [...tracedSandboxes(parts), ...others],
    peers: peersConcerned(parts, question, to),
    held: heldPorts(parts),
    owners: linkOwners(parts),
  });
}

/** Whom it may be for, and who may have sent it. */
function peersConcerned(parts: Parts, { origin }: Question, to: IpAddress): readonly TracedPeer[] {
  const source = origin.kind === 'outside' ? origin.address : undefined;
  const addresses = source === undefined ? [to] : [to, source];
  const found = addresses.flatMap((address) => peersAt(parts, address));
  const sender = origin.kind === 'peer' ? [origin.peer] : [];
  return [...sender, ...found.flatMap((peer) => tracedPeer(parts, peer) ?? [])];
}

/** Bridges of networks, which several may be on. */
function linkOwners(parts: Parts): ReadonlyMap<string, string> {
  const names = new Map<string, string[]>();
  for (const network of parts.store.state.networks.values()) {
    const ifname = networkPolicy(parts, network)?.ifname;
    if (ifname !== undefined) names.set(ifname, [...(names.get(ifname) ?? []), network.name]);
  }
  return new Map([...names].map(([ifname, networks]) => [ifname, `network ${networks.join(', ')}`]));
}

/** What another host does with a packet nobody can see from here, but what becomes of it. */
function decided({ tunnel }: Trace, { answered }: WhyProbe): Pick<WhyWay, 'passes' | 'reason'> {
  if (tunnel === undefined || answered !== false) return {};
  const { name, host } = tunnel.peer;
  return { passes: false, reason: `neither host ${host.name} nor ${name} on it answers` };
}

function wayOf(parts: Parts, question: Question, address: IpAddress, found: Trace): WhyWay {
  const { steps, passes } = found;
  const advice = advise(parts, question, address, found);
  const notes = [
    ...(found.older.length > 0 ? [olderText(found.older)] : []),
    ...(found.tunnel !== undefined ? [thereText(question, found)] : []),
  ];
  return {
    address,
    ...(passes !== undefined && { passes }),
    steps: steps.map((step) => ({
      text: step.text,
      ...(step.passes !== undefined && { passes: step.passes }),
    })),
    ...advice,
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

/** Where the rest of the way can be followed. */
function thereText({ toName, protocol, port }: Question, { tunnel, packet }: Trace): string {
  const to = port === undefined ? toName : `${bracketed(toName)}:${port}`;
  const suffix = protocol === 'tcp' || port === undefined ? '' : `/${protocol}`;
  const from = `outside:${tunnel?.ifname},${packet.source}`;
  return `host ${tunnel?.peer.host.name} tells the rest: net why ${from} ${to}${suffix}`;
}

function bracketed(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}

function olderText(older: readonly IpAddress[]): string {
  const what = older.length === 1 ? 'a connection of before is' : `${older.length} connections of before are`;
  const who = [...new Set(older)].join(', ');
  return `${what} open, answered by ${who}: what was translated for it stays so, and rules for established connections hold`;
}
