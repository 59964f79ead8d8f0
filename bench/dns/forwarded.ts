// Names of others, asked before: netd beside unbound and dnsmasq, each with what its own upstream said once.
import { printLeastMark, printMark } from '../support/figures.ts';
import type { Bed } from './bed.ts';
import { askInTurn, askOnce } from './dnsperf.ts';
import { nameCount, outsideQuestions } from './names.ts';

const peers = ['dnsmasq', 'unbound'] as const;

export async function compareForwarded(bed: Bed): Promise<void> {
  const servers = (['netd', ...peers] as const).map((name) => bed.server(name));
  await bed.startUpstreams();
  for (const server of servers) await askOnce(bed, server, outsideQuestions);
  await bed.endUpstreams();
  const [ours, ...others] = await askInTurn(bed, servers, {
    what: `${nameCount} kept replies`,
    text: outsideQuestions,
  });
  const dnsmasq = others[0];
  if (ours === undefined || dnsmasq === undefined) throw new Error('nothing was measured');
  printLeastMark('kept replies, answers a second: netd / dnsmasq', ours.perSecond / dnsmasq.perSecond, 1);
  printMark('kept replies, processor time: netd / dnsmasq', ours.cost / dnsmasq.cost, 1);
}
