// `net why --probe`: what becomes of a real packet, and whether that is what the trace says.
import type { IpAddress } from '../base/cidr.ts';
import type { WhyProbe } from '../model/why.ts';
import type { ProbeListener, ProbeOutcome, ProbePlace } from '../tracer/prober.ts';
import type { Trace } from '../tracer/tracer.ts';
import type { Parts } from './parts.ts';
import { type Question, tracedSandboxes } from './why-question.ts';

/**
 * A listener stands in where nothing listens, so that the way is tried and not the service.
 * @param retrace asks for the trace once more, with the listener there.
 */
export async function probeWay(
  parts: Parts,
  question: Question,
  way: { readonly address: IpAddress; readonly trace: Trace; readonly retrace: () => Promise<Trace> },
): Promise<WhyProbe> {
  const { origin, protocol, port } = question;
  if (origin.kind === 'outside' || origin.kind === 'peer') {
    return { text: 'not tried: whoever is outside of this host can only try it there' };
  }
  if (protocol === 'sctp') return { text: 'not tried: only tcp, udp and echo requests are' };
  const listener = await stopgap(parts, question, way.trace);
  try {
    const isUnheard = way.trace.obstacle?.kind === 'not-listening';
    const theory = listener !== undefined && isUnheard ? await way.retrace() : way.trace;
    const outcome = await parts.prober.attempt({
      place: origin.kind === 'host' ? 'host' : origin.sandbox,
      protocol,
      to: way.address,
      ...(port !== undefined && { port }),
      isOurs: listener !== undefined,
    });
    return verdict(question, theory, outcome, listener !== undefined);
  } finally {
    listener?.close();
  }
}

/** Where the packet was going. */
function stopgap(parts: Parts, question: Question, trace: Trace): Promise<ProbeListener | undefined> {
  const { protocol, destination: address, port } = trace.packet;
  if ((protocol !== 'tcp' && protocol !== 'udp') || port === undefined || trace.leaves === true) {
    return Promise.resolve(undefined);
  }
  return parts.prober.listen({ place: targetPlace(parts, question, trace), protocol, address, port });
}

function targetPlace(parts: Parts, { others }: Question, { obstacle, packet }: Trace): ProbePlace {
  const all = [...tracedSandboxes(parts), ...others];
  const named = obstacle?.kind === 'not-listening' ? obstacle.place : undefined;
  if (named === 'host') return 'host';
  const found =
    all.find(({ name }) => name === named) ??
    all.find(({ addresses }) => addresses?.includes(packet.destination) === true);
  return found ?? 'host';
}

function verdict(
  { protocol, port, fromName }: Question,
  theory: Trace,
  { answered, text }: ProbeOutcome,
  isOurs: boolean,
): WhyProbe {
  const what = protocol === 'icmp' ? 'an echo request' : protocol === 'tcp' ? 'a connection' : 'a datagram';
  const by = answered === true && isOurs ? ` by a listener put on ${port}/${protocol} for it` : '';
  const tried = `${what} from ${fromName} ${text}${by}`;
  // What is behind the host may keep silent for reasons of its own.
  const isTold =
    answered !== undefined && theory.passes !== undefined && (answered || theory.leaves !== true);
  if (!isTold) return { ...(answered !== undefined && { answered }), text: tried };
  const agrees = answered === theory.passes;
  const conclusion = agrees
    ? 'theory and practice agree'
    : `theory says it ${theory.passes ? 'gets' : 'does not get'} through: something decides that cannot be traced, a limit or a quota perhaps`;
  return { answered, agrees, text: `${tried}; ${conclusion}` };
}
