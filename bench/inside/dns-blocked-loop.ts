// Runs in namespaces of its own, see ../dns.ts: answers while the event loop of the process is blocked half of the time.
// usage: dns-blocked-loop.ts PROGRAM (which asks)
import { askSteadily, makeNamespace, openResolver, putName, startService } from '../dns/own-service.ts';
import { asker } from '../dns/server.ts';
import { compareBusy, markBusy } from '../dns/steady.ts';

const nameCount = 1000;
const everyMs = 100;
const blockedMs = 50;

const [program = ''] = process.argv.slice(2);
const names = await startService();
for (let number = 0; number < nameCount; number++) putName(names, number);
await openResolver(names, asker, await makeNamespace(asker));
const compared = await compareBusy(
  { what: 'an answer', work: `while the loop is blocked ${blockedMs} of ${everyMs} ms` },
  () => askSteadily(program, nameCount),
  async (ask) => {
    const timer = setInterval(block, everyMs);
    await ask();
    clearInterval(timer);
  },
);
markBusy('own names beside a blocked loop', compared);
await names.shutdown();
process.exit(0);

function block(): void {
  const end = performance.now() + blockedMs;
  while (performance.now() < end);
}
