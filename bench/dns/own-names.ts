// Names of sandboxes: netd beside unbound, dnsmasq and aardvark-dns.
import { printFigure, printLeastMark, printMark } from '../support/figures.ts';
import type { Bed } from './bed.ts';
import { askInTurn } from './dnsperf.ts';
import { nameCount, ownQuestions } from './names.ts';

const peers = ['unbound', 'dnsmasq', 'aardvark-dns'] as const;

export async function compareOwnNames(bed: Bed): Promise<void> {
  const servers = ['netd', ...peers, 'turned round'] as const;
  const [ours, ...others] = await askInTurn(
    bed,
    servers.map((name) => bed.server(name)),
    { what: `${nameCount} own names, A and AAAA,`, text: ownQuestions },
  );
  const most = others.at(-1);
  if (ours === undefined || most === undefined) throw new Error('nothing was measured');
  printFigure('as many as dnsperf can ask here', most.perSecond, '/s');
  for (const [index, peer] of peers.entries()) {
    const theirs = others[index]?.cost ?? Number.NaN;
    printMark(`own names, processor time: netd / ${peer}`, ours.cost / theirs, 1);
  }
  const theirs = others[0]?.perSecond ?? Number.NaN;
  printLeastMark('own names, answers a second: netd / unbound', ours.perSecond / theirs, 1);
}
