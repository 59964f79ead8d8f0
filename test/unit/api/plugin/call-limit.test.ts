import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CallLimit } from '../../../../src/api/plugin/call-limit.ts';
import { testPlugin } from '../../../support/test-plugin.ts';

const limitMs = 4500;

/** What is there, and work on it that ends when it is told to. */
class Workshop {
  readonly there = new Set<string>();
  readonly #waiting: (() => void)[] = [];

  make(name: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        this.there.add(name);
        resolve(name);
      });
    });
  }

  async remove(name: string): Promise<void> {
    this.there.delete(name);
  }

  /** How much work has been begun and not ended. */
  get underWay(): number {
    return this.#waiting.length;
  }

  async endAll(): Promise<void> {
    for (const end of this.#waiting.splice(0)) end();
    await settle();
  }
}

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

const lines: string[] = [];
const sink = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk));
    done();
  },
});

function fixture() {
  const workshop = new Workshop();
  const calls = new CallLimit(pino(sink), limitMs);
  const create = (name: string, subject = 'thing') =>
    calls.run({ subject, work: () => workshop.make(name), undo: (made) => workshop.remove(made) });
  const remove = (name: string, subject = 'thing') =>
    calls.run({ subject, work: () => workshop.remove(name) });
  return { workshop, calls, create, remove };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  lines.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a call', () => {
  test('within the limit is answered with its result, and leaves no timer', async () => {
    const { workshop, create } = fixture();
    const answer = create('a');
    await settle();
    await workshop.endAll();
    expect(await answer).toBe('a');
    expect([...workshop.there]).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that fails within the limit is answered with its error', async () => {
    const { calls } = fixture();
    const failing = calls.run({ subject: 'thing', work: () => Promise.reject(new Error('no')) });
    await expect(failing).rejects.toThrow('no');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('over the limit is refused, and what it makes later is taken back', async () => {
    const { workshop, create } = fixture();
    const answer = create('a');
    const refused = expect(answer).rejects.toMatchObject({
      code: 'unavailable',
      message: 'netd is busy: this call on thing takes longer than 4500 ms and is taken back; try again',
    });
    await vi.advanceTimersByTimeAsync(limitMs);
    await refused;
    expect(workshop.underWay).toBe(1);
    await workshop.endAll();
    expect([...workshop.there]).toEqual([]);
    expect(lines.join('')).toContain('it is taken back');
  });

  test('over the limit that makes nothing is carried out', async () => {
    const { workshop, create, calls } = fixture();
    workshop.there.add('a');
    const answer = calls.run({
      subject: 'thing',
      work: async () => {
        await workshop.make('b');
        await workshop.remove('a');
      },
    });
    const refused = expect(answer).rejects.toThrow('is still carried out');
    await vi.advanceTimersByTimeAsync(limitMs);
    await refused;
    await workshop.endAll();
    expect([...workshop.there]).toEqual(['b']);
    const next = create('c');
    await settle();
    await workshop.endAll();
    expect(await next).toBe('c');
  });

  test('whose late work fails says so in the log alone', async () => {
    const { calls } = fixture();
    let fail = (_: Error) => {};
    const work = () =>
      new Promise<void>((_, reject) => {
        fail = reject;
      });
    const refused = expect(calls.run({ subject: 'thing', work, undo: async () => {} })).rejects.toThrow(
      'busy',
    );
    await vi.advanceTimersByTimeAsync(limitMs);
    await refused;
    fail(new Error('out of luck'));
    await settle();
    expect(lines.join('')).toContain('out of luck');
  });
});

describe('after a call that was late', () => {
  async function late(create: (name: string) => Promise<string>): Promise<void> {
    const refused = expect(create('late')).rejects.toThrow('busy');
    await vi.advanceTimersByTimeAsync(limitMs);
    await refused;
  }

  test('the next on the same subject waits until it is taken back', async () => {
    const { workshop, create } = fixture();
    await late(create);
    const next = create('late');
    await settle();
    expect(workshop.underWay).toBe(1);
    await workshop.endAll();
    expect([...workshop.there]).toEqual([]);
    await workshop.endAll();
    expect(await next).toBe('late');
    expect([...workshop.there]).toEqual(['late']);
  });

  test('one on another subject does not wait', async () => {
    const { workshop, create } = fixture();
    await late(create);
    const other = create('other', 'another thing');
    await settle();
    expect(workshop.underWay).toBe(2);
    await workshop.endAll();
    expect(await other).toBe('other');
    expect([...workshop.there]).toEqual(['other']);
  });

  test('one that waits in vain is never begun, but a removal is', async () => {
    const { workshop, create, remove } = fixture();
    await late(create);
    workshop.there.add('old');
    const making = expect(create('new')).rejects.toThrow('busy');
    const removing = expect(remove('old')).rejects.toThrow('is still carried out');
    await vi.advanceTimersByTimeAsync(limitMs);
    await Promise.all([making, removing]);
    await workshop.endAll();
    expect(workshop.underWay).toBe(0);
    expect([...workshop.there]).toEqual([]);
    const next = create('next');
    await settle();
    await workshop.endAll();
    expect(await next).toBe('next');
  });
});

describe('of a core that is held up', () => {
  const id = 'a'.repeat(64);
  const endpoint = { NetworkID: id, EndpointID: 'e'.repeat(64) };
  const pool = { AddressSpace: 'fairlead-local', Pool: '10.9.0.0/24' };
  const PoolID = '10.9.0.0/24';
  const nothing = { pools: [], leases: [], networks: [], endpoints: [] };

  /** Each call on top of those before. */
  const steps: readonly (readonly [string, object])[] = [
    ['IpamDriver.RequestPool', pool],
    ['IpamDriver.RequestAddress', { PoolID, Address: '10.9.0.9' }],
    ['NetworkDriver.CreateNetwork', { NetworkID: id, IPv4Data: [{ Pool: '10.8.0.0/24' }] }],
    ['NetworkDriver.CreateEndpoint', endpoint],
    ['NetworkDriver.Join', { ...endpoint, SandboxKey: '/run/netns/c1' }],
    [
      'NetworkDriver.ProgramExternalConnectivity',
      { ...endpoint, Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080 }] } },
    ],
  ];

  test.each(steps.map(([method], i) => [method, i] as const))('%s is taken back', async (method, i) => {
    const { engines, call } = testPlugin();
    for (const [before, body] of steps.slice(0, i))
      expect((await call(before, body)).body).not.toHaveProperty('Err');
    const held = () => [engines.holdings(), engines.endpoint(endpoint.EndpointID)];
    const before = held();
    const resume = engines.pause();
    const answer = call(method, steps[i]?.[1]);
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    await vi.advanceTimersByTimeAsync(limitMs);
    const { status, body } = await answer;
    expect([status, body.Err]).toEqual([200, expect.stringContaining('netd is busy')]);
    resume();
    await vi.waitUntil(() => JSON.stringify(held()) === JSON.stringify(before));
    expect((await call(method, steps[i]?.[1])).body).not.toHaveProperty('Err');
  });

  test('capabilities are told all the same', async () => {
    const { engines, call } = testPlugin();
    engines.pause();
    for (const method of ['Plugin.Activate', 'NetworkDriver.GetCapabilities', 'IpamDriver.GetCapabilities']) {
      expect((await call(method)).status).toBe(200);
    }
    expect(engines.holdings()).toEqual(nothing);
  });
});
