// A process of overlay-hosts.ts with many hosts in it; carries out orders and says when it has.
import { waitUntil } from '../../test/support/wait-until.ts';
import { Agent } from '../overlay/agent.ts';
import type { Order, Place, Report } from '../overlay/orders.ts';
import { timeMs } from '../support/figures.ts';

/**
 * Hosts that do something at one moment. With all of them at work this process would fall behind before etcd does, which real hosts,
 * each with a machine of its own, do not.
 */
const together = 8;
const patience = { timeoutMs: 240_000, intervalMs: 20 };

interface Member extends Place {
  readonly agent: Agent;
}

const members: Member[] = [];

process.on('message', (order: Order) => {
  carryOut(order).then(
    (times) => answer({ times: times ?? [] }),
    (error) => answer({ times: [], error: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function answer(report: Report): void {
  process.send?.(report);
}

function carryOut(order: Order): Promise<readonly number[] | undefined> {
  switch (order.what) {
    case 'register':
      return register(order.url, order.places);
    case 'create':
      return create(order.networks);
    case 'learn':
      return untilAll('knows its network', ({ agent, network }) => agent.hasNetwork(network));
    case 'publish':
      return publish(order.endpoints);
    case 'converge':
      return untilAll('knows its peers', ({ agent, network }) => agent.known(network) === order.peers);
    case 'further':
      return further(order.count);
  }
}

async function register(url: string, places: readonly Place[]): Promise<undefined> {
  await each(places, async (place) => {
    members.push({ ...place, agent: await Agent.start(url, place.host) });
  });
}

async function create(
  networks: readonly { readonly name: string; readonly subnet: string }[],
): Promise<undefined> {
  for (const { name, subnet } of networks) await members[0]?.agent.create(name, subnet);
}

async function publish(endpoints: number): Promise<undefined> {
  await each(members, ({ agent, network }) => agent.publish(network, endpoints));
}

/** Some at a time. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const workNext = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: together }, workNext));
}

async function untilAll(what: string, condition: (member: Member) => boolean): Promise<undefined> {
  let waiting: readonly Member[] = members;
  await waitUntil(
    `each host ${what}`,
    () => {
      waiting = waiting.filter((member) => !condition(member));
      return waiting.length === 0;
    },
    patience,
  );
}

/** Of two hosts on one network. */
async function further(count: number): Promise<readonly number[]> {
  const [one] = members;
  const other = members.find(({ host, network }) => network === one?.network && host !== one.host);
  if (one === undefined || other === undefined) throw new Error('no two hosts on one network');
  const times: number[] = [];
  for (let number = 0; number < count; number++) {
    const before = other.agent.known(one.network);
    const known = () => other.agent.known(one.network) > before;
    const published = one.agent.publish(one.network, 1);
    times.push(await timeMs(() => waitUntil('the other knows', known, { ...patience, intervalMs: 1 })));
    await published;
  }
  return times;
}
