// Runs in namespaces of its own, see ../dns.ts: what the change of a name costs in a large table, that the next answer has it, and
// what many changes do to answers.
// usage: dns-updates.ts PROGRAM (which asks)
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { resolverAddress } from '../../src/model/name-entry.ts';
import { namePrefix } from '../dns/names.ts';
import {
  addressOf,
  askSteadily,
  makeNamespace,
  openResolver,
  putName,
  startService,
} from '../dns/own-service.ts';
import { asker } from '../dns/server.ts';
import { compareBusy, markBusy } from '../dns/steady.ts';
import { printMark, printSummary } from '../support/figures.ts';

const nameCount = 10_000;
const measured = 2000;
const updatesPerSecond = 1000;

const [program = ''] = process.argv.slice(2);
const names = await startService();
let generation = 0;
for (let number = 0; number < nameCount; number++) putName(names, number);
await openResolver(names, asker, await makeNamespace(asker));
await changeOneByOne();
await changeAndAsk();
const compared = await compareBusy(
  { what: `an answer of a table of ${nameCount}`, work: `with ${updatesPerSecond} changes a second` },
  () => askSteadily(program, nameCount),
  changeWhile,
);
markBusy('own names beside changes', compared);
await names.shutdown();
process.exit(0);

/** Each with a turn of the event loop, whatever the service puts off until then. */
async function changeOneByOne(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 2 * measured; round++) {
    const began = performance.now();
    putName(names, random(nameCount), ++generation);
    await setImmediate();
    times.push(1000 * (performance.now() - began));
  }
  const compiled = times.slice(measured);
  const { median } = printSummary(`changing one of ${nameCount} names`, compiled, 'us');
  printMark('a changed name, median', median, 100, 'us');
}

/** From the change to an answer, which has to have it, in this process. */
async function changeAndAsk(): Promise<void> {
  await openResolver(names, 'here', '/proc/self/ns/net');
  const socket = createSocket('udp4');
  const times: number[] = [];
  for (let round = 0; round < measured; round++) {
    const number = random(nameCount);
    const began = performance.now();
    putName(names, number, ++generation);
    socket.send(question(`${namePrefix}${number}`), 53, resolverAddress);
    const [reply] = await once(socket, 'message');
    times.push(1000 * (performance.now() - began));
    const address = [...reply.subarray(-4)].join('.');
    if (address !== addressOf(number, generation))
      throw new Error(`an answer has the old address ${address}`);
  }
  socket.close();
  printSummary('changed and asked at once: until the answer', times.slice(measured / 2), 'us');
}

/** For the A record of a name with one label, RFC 1035 section 4.1. */
function question(name: string): Buffer {
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, Buffer.from([name.length]), Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]);
}

async function changeWhile(ask: () => Promise<void>): Promise<void> {
  const began = performance.now();
  let changed = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) * updatesPerSecond) / 1000;
    for (; changed < due; changed++) putName(names, random(nameCount), ++generation);
  }, 1);
  await ask();
  clearInterval(timer);
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}
