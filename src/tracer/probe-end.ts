// How a probe ends, however it was sent: answered, refused, or with nothing heard in time.
import type { ProbeOutcome } from './prober.ts';

/** What listeners of a prober answer, so that nobody else is taken for one. */
export const word = 'fairlead probe';

/** Long enough for the second SYN, which TCP sends after one (RFC 6298, section 2). */
const usualPatienceMs = 2_000;

/** Errors of connect(2) and send(2) that tell what became of a packet. */
const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is refused',
  ECONNRESET: 'is reset',
  EHOSTUNREACH: 'does not get there: the host is unreachable',
  ENETUNREACH: 'does not get there: the network is unreachable',
  EPERM: 'is not let out: operation not permitted',
  EACCES: 'is not let out: permission denied',
  EINVAL: 'is not sent: there is no such way (EINVAL)',
  EMSGSIZE: 'does not get there: it is longer than what a link on the way carries',
  EADDRNOTAVAIL: 'is not sent: there is no address to send from',
};

export const answered: ProbeOutcome = { answered: true, text: 'is answered' };
export const silence: ProbeOutcome = { answered: false, text: 'is not answered' };

/** Rethrows what says nothing about the packet. */
export function refusal(error: unknown): ProbeOutcome {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = refusals[code];
  if (text === undefined) throw error;
  return { answered: false, text, ...(code === 'ECONNREFUSED' && { refused: true }) };
}

export interface Attempt {
  /** First now, and again while nothing is heard. */
  readonly send: () => void;
  readonly close: () => void;
}

/** What silence means, and how long it takes to be that. */
export interface Ending {
  readonly otherwise: ProbeOutcome;
  readonly patienceMs?: number | undefined;
}

type Settle = (outcome: ProbeOutcome | Error) => void;

/** Until `settle` is called, or time is up. */
export async function awaitEnd(
  { otherwise, patienceMs = usualPatienceMs }: Ending,
  open: (settle: Settle) => Attempt | Promise<Attempt>,
): Promise<ProbeOutcome> {
  let settle: Settle = () => {};
  const settled = new Promise<ProbeOutcome | Error>((resolve) => {
    settle = resolve;
  });
  let attempt: Attempt;
  try {
    attempt = await open(settle);
  } catch (error) {
    return refusal(error);
  }
  const send = () => {
    try {
      attempt.send();
    } catch (error) {
      settle(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const timers = [setTimeout(() => settle(otherwise), patienceMs), setInterval(send, patienceMs / 2)];
  try {
    send();
    const end = await settled;
    return end instanceof Error ? refusal(end) : end;
  } finally {
    for (const timer of timers) clearInterval(timer);
    attempt.close();
  }
}
