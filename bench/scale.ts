// A thousand endpoints on one bridge: what the last costs beside the first, how soon a restarted netd is ready, its memory.
import { askApi } from '../test/support/api-client.ts';
import { TestHost } from '../test/support/test-host.ts';
import { must } from './support/ask.ts';
import { printMark, printSummary, timeMs } from './support/figures.ts';
import { residentMiB } from './support/process-figures.ts';

const endpoints = 1000;
const sample = 100;

await using host = await TestHost.start('scale');
let netd = await host.netd();
await must(host, 'POST', '/networks', { name: 'lab', pools: [{ subnet: '10.88.0.0/20' }] });
const times: number[] = [];
for (let number = 0; number < endpoints; number++) {
  await must(host, 'POST', '/sandboxes', { name: `s${number}` });
  times.push(
    1000 * (await timeMs(() => must(host, 'POST', '/networks/lab/connect', { target: `s${number}` }))),
  );
}
const first = printSummary(`first ${sample} connects, through the API`, times.slice(0, sample), 'us');
const last = printSummary(`last ${sample} of ${endpoints}`, times.slice(-sample), 'us');
printMark('last / first, medians', last.median / first.median, 1.5);
printMark('resident memory with 1,000 endpoints', residentMiB(netd.pid), 120, 'MiB');

const starts: number[] = [];
for (let round = 0; round < 5; round++) {
  await netd.kill9();
  starts.push(
    await timeMs(async () => {
      netd = await host.netd();
    }),
  );
}
printMark(
  'ready after kill -9, median of 5',
  printSummary('start to ready', starts, 'ms').median,
  1000,
  'ms',
);
printMark('resident memory after a restart', residentMiB(netd.pid), 120, 'MiB');
const { body } = await askApi(host, 'GET', '/check');
console.log(`differences found by check: ${body.differences.length}`);
