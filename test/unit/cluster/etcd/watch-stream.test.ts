import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { StreamListener } from '../../../../src/cluster/etcd/connection.ts';
import type { KeyValue, WatchRequest, WatchResponse } from '../../../../src/cluster/etcd/protocol.ts';
import { RpcError } from '../../../../src/cluster/etcd/rpc-error.ts';
import { Watch } from '../../../../src/cluster/etcd/watch.ts';
import { WatchStream } from '../../../../src/cluster/etcd/watch-stream.ts';
import { describeEvent, StoreListener } from '../../../support/store-listener.ts';

const periodMs = 3_000;

/** The other end of a stream: what it was asked, and what it may say. */
class Member {
  readonly requests: WatchRequest[] = [];
  isCancelled = false;
  /** Of the stream as a whole: `closed`, or why it was lost. */
  readonly told: string[] = [];
  readonly watches: WatchStream;
  #listener: StreamListener<WatchResponse> | undefined;

  constructor() {
    const open = (listener: StreamListener<WatchResponse>) => {
      this.#listener = listener;
      const cancel = () => {
        this.isCancelled = true;
      };
      return { send: (request: WatchRequest) => void this.requests.push(request), cancel };
    };
    this.watches = new WatchStream(open, {
      closed: (error) => void this.told.push(error?.message ?? 'closed'),
      refused: () => void this.told.push('refused'),
    });
  }

  watch(prefix: string) {
    const listener = new StoreListener();
    const watch = new Watch(prefix, 1, listener);
    const outcome = this.watches.add(watch).then(
      () => 'watches',
      (error: RpcError) => error.message,
    );
    return { listener, outcome, close: () => watch.close() };
  }

  say(response: Partial<WatchResponse> & { revision?: number }): void {
    const { revision = 1, ...rest } = response;
    this.#listener?.data({
      ...{ header: { revision: String(revision) }, watchId: '0', created: false, canceled: false },
      ...{ compactRevision: '0', cancelReason: '', fragment: false, events: [] },
      ...rest,
    });
  }

  fail(error: RpcError): void {
    this.#listener?.end(error);
  }
}

const kv = (key: string, revision: number): KeyValue => {
  return { key, value: '', createRevision: '1', modRevision: String(revision), lease: '0' };
};

let member: Member;
beforeEach(() => {
  vi.useFakeTimers();
  member = new Member();
});
afterEach(() => {
  member.watches.close();
  vi.useRealTimers();
});

test('fragments are told together, up to the revision of their last event', () => {
  const { listener } = member.watch('/a/');
  member.say({ created: true });
  member.say({ fragment: true, events: [{ type: 0, kv: kv('/a/1', 5) }], revision: 9 });
  expect(listener.batches).toEqual([]);
  member.say({ events: [{ type: 1, kv: kv('/a/2', 5) }], revision: 9 });
  expect(listener.batches.map((batch) => batch.map(describeEvent))).toEqual([['+/a/1=', '-/a/2']]);
  expect(listener.revision).toBe(5);
});

test('progress of a watch is told, the answer to a question for progress is not', () => {
  const { listener } = member.watch('/a/');
  member.say({ created: true });
  member.say({ watchId: '-1', revision: 8 });
  expect(listener.revision).toBe(0);
  member.say({ revision: 7 });
  expect(listener.revision).toBe(7);
});

test('watches are told apart by the order in which they were asked for', () => {
  const [one, two] = [member.watch('/a/'), member.watch('/b/')];
  member.say({ created: true, watchId: '4' });
  member.say({ created: true, watchId: '9' });
  member.say({ watchId: '9', events: [{ type: 0, kv: kv('/b/1', 2) }] });
  expect([one.listener.events.length, two.listener.events.length]).toEqual([0, 1]);
});

test('a member that is silent, though it is asked, is left', () => {
  const { listener } = member.watch('/a/');
  member.say({ created: true });
  for (let n = 0; n < 5; n++) {
    vi.advanceTimersByTime(periodMs);
    member.say({ watchId: '-1' });
  }
  expect(member.requests.filter((request) => 'progressRequest' in request)).toHaveLength(5);
  vi.advanceTimersByTime(2 * periodMs);
  expect(listener.end).toBeUndefined();
  vi.advanceTimersByTime(periodMs);
  expect(listener.end).toEqual({ reason: 'interrupted', message: 'silent for 6 s' });
  expect([member.told, member.isCancelled]).toEqual([['silent for 6 s'], true]);
});

test('a member that never begins to watch is left, and the watch may be had elsewhere', async () => {
  const { listener, outcome } = member.watch('/a/');
  vi.advanceTimersByTime(3 * periodMs);
  expect(await outcome).toBe('silent for 6 s');
  expect([listener.isStarted, listener.end]).toEqual([false, undefined]);
});

test('the end of the stream is that of its watches; those that have not begun may be had elsewhere', async () => {
  const [one, two] = [member.watch('/a/'), member.watch('/b/')];
  member.say({ created: true });
  member.fail(new RpcError(14, 'etcdserver: no leader'));
  const end = { reason: 'interrupted', message: 'no leader' };
  expect([one.listener.end, two.listener.end]).toEqual([end, undefined]);
  expect([await one.outcome, await two.outcome]).toEqual(['watches', 'etcdserver: no leader']);
  expect(member.told).toEqual(['etcdserver: no leader']);
});

test('the stream is closed with the last watch, and says nothing to those that were closed', async () => {
  const [one, two] = [member.watch('/a/'), member.watch('/b/')];
  member.say({ created: true, watchId: '0' });
  one.close();
  expect(member.requests.at(-1)).toEqual({ cancelRequest: { watchId: '0' } });
  expect(member.told).toEqual([]);
  two.close();
  expect([member.told, member.isCancelled]).toEqual([['closed'], true]);
  expect([one.listener.end, two.listener.end, two.listener.isStarted]).toEqual([undefined, undefined, false]);
  expect(await two.outcome).toBe('watches');
});

test('a watch that is closed before it has begun is cancelled when it begins', () => {
  const [one, two] = [member.watch('/a/'), member.watch('/b/')];
  one.close();
  member.say({ created: true, watchId: '0' });
  expect(member.requests.at(-1)).toEqual({ cancelRequest: { watchId: '0' } });
  member.say({ created: true, watchId: '1' });
  expect([one.listener.isStarted, two.listener.isStarted]).toEqual([false, true]);
});

test.each([
  { canceled: true, created: true, watchId: '-1' },
  { canceled: true, created: true, watchId: '0' },
])('a watch that is not permitted is refused, and others go on ($watchId)', async (response) => {
  const [one, two] = [member.watch('/a/'), member.watch('/b/')];
  const cancelReason = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
  member.say({ ...response, cancelReason });
  member.say({ created: true, watchId: '0' });
  expect(await one.outcome).toBe(cancelReason);
  expect([two.listener.isStarted, two.listener.end]).toEqual([true, undefined]);
  expect(member.told).toEqual(['refused']);
});

test('what is no longer kept ends a watch as compacted', () => {
  const { listener } = member.watch('/a/');
  member.say({ created: true });
  member.say({ canceled: true, compactRevision: '12' });
  expect(listener.end).toEqual({ reason: 'compacted', message: 'revisions before 12 are no longer kept' });
  expect(member.told).toEqual(['closed']);
});
