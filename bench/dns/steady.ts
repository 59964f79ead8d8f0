// Questions at a steady pace, and how long each takes to be answered.
import { printMark, printSummary, type Summary } from '../support/figures.ts';
import { namePrefix } from './names.ts';

const perSecond = 1000;
const seconds = 3;
const rounds = 3;

export interface Compared {
  readonly idle: Summary;
  readonly busy: Summary;
}

/** The command that asks a server for so many names, and prints the microseconds that each answer took. */
export function steadyQuestions(program: string, address: string, names: number): readonly string[] {
  const numbers = [perSecond, perSecond * seconds, names].map(String);
  return [program, 'ask', address, ...numbers, namePrefix];
}

export function readSteady(printed: string): readonly number[] {
  return printed.trim().split('\n').map(Number);
}

/** Asks in turn while nothing else is done and while work goes on; prints both. */
export async function compareBusy(
  names: { readonly what: string; readonly work: string },
  ask: () => Promise<readonly number[]>,
  whileWorking: (ask: () => Promise<void>) => Promise<void>,
): Promise<Compared> {
  const idle: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < rounds; round++) {
    idle.push(...(await ask()));
    await whileWorking(async () => {
      busy.push(...(await ask()));
    });
  }
  return {
    idle: printSummary(names.what, idle, 'us'),
    busy: printSummary(`… ${names.work}`, busy, 'us'),
  };
}

/** Of every hundred answers the last but one. */
export function markBusy(what: string, { idle, busy }: Compared): void {
  printMark(`${what}, p99: busy / idle`, busy.p99 / idle.p99, 1.5);
}
