// How long answers take while netd attaches and detaches sandboxes: beside a time without, and beside another server that is asked
// while the machine has that work to do.
import { setTimeout } from 'node:timers/promises';
import { must } from '../support/ask.ts';
import { printFigure, printRatio } from '../support/figures.ts';
import type { Bed } from './bed.ts';
import { nameCount } from './names.ts';
import { inside } from './server.ts';
import { compareBusy, markBusy, readSteady, steadyQuestions } from './steady.ts';

/** Each is attached, and detached at once, every second. */
const guests = Array.from({ length: 100 }, (_, number) => `guest${number}`);

export async function attachBesideQuestions(bed: Bed): Promise<void> {
  for (const name of guests) await must(bed.host, 'POST', '/sandboxes', { name });
  const rates: number[] = [];
  for (const name of ['netd', 'unbound'] as const) {
    const { address } = bed.server(name);
    const command = inside(steadyQuestions(bed.program, address, nameCount));
    const compared = await compareBusy(
      { what: `${name}: an answer`, work: `while netd attaches ${guests.length} a second` },
      async () => readSteady(await bed.host.run(command)),
      async (ask) => {
        rates.push(await attachWhile(bed, ask));
      },
    );
    if (name === 'netd') markBusy('own names beside attaches', compared);
    else printRatio(`${name} beside the same, p99: busy / idle`, compared.busy.p99 / compared.idle.p99);
  }
  printFigure('attaches, fewest of all rounds', Math.min(...rates), '/s');
}

/** Returns how many there were in a second. */
async function attachWhile({ host }: Bed, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  let attached = 0;
  let ended = false;
  const attachOn = async (target: string, first: number) => {
    for (let due = first; ; due += 1000) {
      await setTimeout(Math.max(0, due - performance.now()));
      if (ended) return;
      await must(host, 'POST', '/networks/lab/connect', { target });
      await must(host, 'POST', '/networks/lab/disconnect', { target });
      attached++;
    }
  };
  const attaching = guests.map((name, position) => attachOn(name, began + (1000 * position) / guests.length));
  const measured = work().then(() => {
    ended = true;
    return (1000 * attached) / (performance.now() - began);
  });
  const [rate] = await Promise.all([measured, ...attaching]);
  return rate;
}
