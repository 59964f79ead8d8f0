// Programs on the netlink threads, against the kernel.
import { closeSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NetlinkError } from '../../../src/kernel/netlink/error.ts';
import { decodeMessage } from '../../../src/kernel/netlink/message.ts';
import type { Namespace } from '../../../src/kernel/netns.ts';
import { dump, runProgram, runReaper, type Step } from '../../../src/kernel/program.ts';
import { readSysctl, writeSysctl } from '../../../src/kernel/sysctl.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeScratchNamespace, type ScratchNamespace } from './scratch-namespace.ts';
import {
  addAddress,
  createTable,
  createVeth,
  deleteLink,
  dumpLinks,
  dumpTables,
  getLink,
  linkNames,
  nftBatch,
  RTM_GETLINK,
  tableNames,
} from './wire.ts';

let scratch: ScratchNamespace;
let namespace: Namespace;

beforeEach(async () => {
  scratch = await makeScratchNamespace();
  namespace = scratch.namespace;
});

afterEach(async () => {
  for (const name of linkNames(await dump('host', dumpLinks()))) {
    if (name.startsWith('ftest')) await runReaper([deleteLink(name)]).catch(ignoreGone);
  }
  await scratch.remove();
});

/** The other end of a pair that was just deleted. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
}

async function failure(promise: Promise<unknown>): Promise<NetlinkError> {
  const error: unknown = await promise.then(() => undefined).catch((thrown: unknown) => thrown);
  if (error instanceof NetlinkError) return error;
  throw new Error('expected a NetlinkError', { cause: error });
}

async function hostLinks(): Promise<string[]> {
  return linkNames(await dump('host', dumpLinks()));
}

async function innerLinks(): Promise<string[]> {
  return linkNames(await dump('namespace', dumpLinks(), namespace));
}

describe('requests', () => {
  test('a veth pair is made with its peer inside another namespace', async () => {
    await runProgram([createVeth('ftest0', 'inner0', namespace.fd)]);
    expect(await hostLinks()).toContain('ftest0');
    expect((await innerLinks()).sort()).toEqual(['inner0', 'lo']);
  });

  test('a request gets its answer besides the acknowledgement', async () => {
    const replies = await runProgram([createVeth('ftest0', 'ftest1'), getLink('ftest0'), getLink('ftest1')]);
    expect(replies.map(({ messages }) => linkNames(messages))).toEqual([[], ['ftest0'], ['ftest1']]);
    expect(decodeMessage(replies[1]?.messages[0] ?? new Uint8Array()).type).toBe(16);
  });

  test('one program may speak to both namespaces', async () => {
    const replies = await runProgram(
      [createVeth('ftest0', 'inner0', namespace.fd), getLink('inner0', 'namespace'), getLink('ftest0')],
      namespace,
    );
    expect(replies.map(({ messages }) => linkNames(messages))).toEqual([[], ['inner0'], ['ftest0']]);
  });

  test('several messages in one step are all answered', async () => {
    const message = Buffer.concat([getLink('lo').message, getLink('lo').message, getLink('lo').message]);
    const [replies] = await runProgram([{ socket: 'host', message, acks: 3 }]);
    expect(linkNames(replies?.messages ?? [])).toEqual(['lo', 'lo', 'lo']);
  });

  test('a program of no steps does nothing', async () => {
    expect(await runProgram([])).toEqual([]);
  });

  test('a thousand programs in flight are all answered, in order', async () => {
    const order: number[] = [];
    const programs = Array.from({ length: 1000 }, async (_, i) => {
      const inside = i % 2 === 0;
      const [replies] = await runProgram([getLink('lo', inside ? 'namespace' : 'host')], namespace);
      order.push(i);
      return linkNames(replies?.messages ?? []);
    });
    expect(await Promise.all(programs)).toEqual(Array(1000).fill(['lo']));
    expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test('a namespace closed right after the call is still the one that is used', async () => {
    const answer = runProgram([getLink('lo', 'namespace')], namespace);
    namespace.close();
    expect(linkNames((await answer)[0]?.messages ?? [])).toEqual(['lo']);
  });
});

describe('failures', () => {
  test('the error has the step, the error number and the words of the kernel', async () => {
    const steps = [
      getLink('lo'),
      addAddress('lo', Uint8Array.of(127, 0, 0, 9), 33),
      createVeth('ftest0', 'ftest1'),
    ];
    const error = await failure(runProgram(steps));
    expect(error).toMatchObject({ code: 'EINVAL', step: 1, extendedAck: 'ipv4: Invalid prefix length' });
    expect(await hostLinks()).not.toContain('ftest0');
  });

  test('the error has the byte of the request the kernel objects to', async () => {
    const error = await failure(runProgram([createVeth('ftest-far-too-long-a-name', 'ftest1')]));
    expect(error).toMatchObject({ code: 'ERANGE', step: 0, offset: 32 });
  });

  test('what exists already is EEXIST', async () => {
    await runProgram([createVeth('ftest0', 'ftest1')]);
    const error = await failure(runProgram([createVeth('ftest0', 'ftest2')]));
    expect(error).toMatchObject({ code: 'EEXIST', errno: 17, step: 0 });
  });

  test('programs after a failed one, also inside a namespace, are not touched by it', async () => {
    const failing = runProgram([getLink('nosuch0', 'namespace'), getLink('lo')], namespace);
    const following = runProgram([createVeth('ftest0', 'ftest1'), getLink('ftest0')]);
    expect(await failure(failing)).toMatchObject({ code: 'ENODEV', step: 0 });
    expect(linkNames((await following)[1]?.messages ?? [])).toEqual(['ftest0']);
    expect(await innerLinks()).toEqual(['lo']);
  });

  test('an error in the middle of a batch is found although the last message succeeds', async () => {
    const message = Buffer.concat([getLink('nosuch0').message, getLink('lo').message]);
    const error = await failure(runProgram([{ socket: 'host', message, acks: 1 }]));
    expect(error).toMatchObject({ code: 'ENODEV', step: 0 });
    const [replies] = await runProgram([getLink('lo')]);
    expect(linkNames(replies?.messages ?? [])).toEqual(['lo']);
  });

  test('a descriptor that is no network namespace is refused and the thread stays at home', async () => {
    const fd = openSync('/proc/self/ns/mnt', 'r');
    const wrong: Namespace = { fd, device: 0, inode: 0, close: () => closeSync(fd) };
    expect(await failure(runProgram([getLink('lo', 'namespace')], wrong))).toMatchObject({
      code: 'EINVAL',
      step: 0,
    });
    wrong.close();
    await runProgram([createVeth('ftest0', 'ftest1')]);
    expect(await hostLinks()).toContain('ftest0');
  });

  const wrong: readonly [string, Step][] = [
    ['no bytes', { socket: 'host', message: new Uint8Array(), acks: 1 }],
    ['half a header', { socket: 'host', message: new Uint8Array(7), acks: 1 }],
    ['a header with length zero', { socket: 'host', message: new Uint8Array(16), acks: 1 }],
    ['a length beyond the end', { socket: 'host', message: getLink('lo').message.subarray(0, 20), acks: 1 }],
  ];
  test.each(wrong)('%s instead of a message is EINVAL', async (_, step) => {
    expect(await failure(runProgram([step]))).toMatchObject({ code: 'EINVAL', step: 0 });
  });

  test('an acknowledgement that was never asked for is not waited for', async () => {
    expect(await failure(runProgram([{ ...getLink('lo'), acks: 2 }]))).toMatchObject({
      code: 'EPROTO',
      step: 0,
    });
    const dumping: Step = { socket: 'host', message: getLink('lo').message, acks: 0, dump: true };
    expect(await failure(runProgram([dumping]))).toMatchObject({ code: 'EPROTO', step: 0 });
  });

  test('a step into a namespace the program does not have is an error at once', async () => {
    await expect(runProgram([getLink('lo', 'namespace')])).rejects.toThrow(
      'step 0 needs a namespace and the program has none',
    );
  });

  test('a closed namespace is not used', async () => {
    namespace.close();
    await expect(runProgram([getLink('lo', 'namespace')], namespace)).rejects.toThrow('is closed');
  });
});

describe('dumps', () => {
  test('a dump larger than a datagram is complete', async () => {
    const names = Array.from({ length: 60 }, (_, i) => [`ftest${i}a`, `ftest${i}b`] as const);
    await runProgram(names.map(([a, b]) => createVeth(a, b)));
    const dumped = (await hostLinks()).filter((name) => name.startsWith('ftest'));
    expect(dumped.sort()).toEqual(names.flat().sort());
  });

  test('a dump while the table changes is marked as interrupted, and repeated', async () => {
    await runProgram(Array.from({ length: 40 }, (_, i) => createVeth(`ftest${i}a`, `ftest${i}b`)));
    const step: Step = { socket: 'host', message: dumpLinks(), acks: 0, dump: true };
    let changing = true;
    const changes = (async () => {
      while (changing) await runReaper([createVeth('ftestx', 'ftesty'), deleteLink('ftestx')]);
    })();
    let interrupted = false;
    const deadline = Date.now() + 20_000;
    while (!interrupted && Date.now() < deadline) {
      const [replies] = await runProgram([step]);
      interrupted = replies?.interrupted === true;
    }
    const names = linkNames(await dump('host', dumpLinks()));
    changing = false;
    await changes;
    expect(interrupted).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });

  test('a dump the kernel refuses is an error', async () => {
    const message = dumpLinks().subarray(0, 20); // half of its fixed struct
    new DataView(message.buffer).setUint32(message.byteOffset, message.length, true);
    expect(await failure(dump('host', message))).toMatchObject({ code: 'EINVAL', step: 0 });
  });
});

describe('netfilter', () => {
  test('a batch of nftables messages takes effect as a whole', async () => {
    await runProgram([nftBatch([createTable('ftest-a'), createTable('ftest-b')])]);
    expect(tableNames(await dump('netfilter', dumpTables()))).toEqual(
      expect.arrayContaining(['ftest-a', 'ftest-b']),
    );
  });

  test('a batch with an error anywhere takes no effect', async () => {
    const error = await failure(
      runProgram([nftBatch([createTable('x'.repeat(300)), createTable('ftest-c')])]),
    );
    expect(error).toMatchObject({ step: 0 });
    expect(tableNames(await dump('netfilter', dumpTables()))).not.toContain('ftest-c');
  });

  test('a batch of ten thousand messages is taken', async () => {
    const names = Array.from({ length: 10_000 }, () => 'ftest-many');
    await runProgram([nftBatch(names.map((name) => createTable(name)))]);
    expect(tableNames(await dump('netfilter', dumpTables()))).toContain('ftest-many');
  });

  test('a table owned by the netlink thread stays when its program is over, and the reaper cannot have it', async () => {
    const NFT_TABLE_F_OWNER = 2;
    await runProgram([nftBatch([createTable('ftest-owned', NFT_TABLE_F_OWNER)])]);
    const again = nftBatch([createTable('ftest-owned', NFT_TABLE_F_OWNER)]);
    expect(await failure(runReaper([again]))).toMatchObject({ code: 'EPERM' });
    await runProgram([again]);
    expect(tableNames(await dump('netfilter', dumpTables()))).toContain('ftest-owned');
  });
});

describe('sysctls', () => {
  const forwarding = 'net/ipv4/conf/lo/forwarding';

  test('a sysctl is set in the namespace and not outside', async () => {
    const outside = await readSysctl(forwarding);
    const wanted = outside === '1' ? '0' : '1';
    await writeSysctl(forwarding, wanted, namespace);
    expect(await readSysctl(forwarding, namespace)).toBe(wanted);
    expect(await readSysctl(forwarding)).toBe(outside);
  });

  test('a sysctl step runs between requests, in order', async () => {
    await runProgram(
      [
        createVeth('ftest0', 'inner0', namespace.fd),
        { sysctl: 'net/ipv4/conf/inner0/rp_filter', value: '2', in: 'namespace' },
        { sysctl: 'net/ipv4/conf/ftest0/rp_filter', value: '1', in: 'host' },
        getLink('inner0', 'namespace'),
      ],
      namespace,
    );
    expect(await readSysctl('net/ipv4/conf/inner0/rp_filter', namespace)).toBe('2');
    expect(await readSysctl('net/ipv4/conf/ftest0/rp_filter')).toBe('1');
  });

  test('one the kernel does not have is ENOENT and named', async () => {
    const error = await failure(writeSysctl('net/ipv4/conf/nosuch0/forwarding', '1', namespace));
    expect(error).toMatchObject({ code: 'ENOENT', step: 0 });
    expect(error.message).toContain('net/ipv4/conf/nosuch0/forwarding');
    expect(await failure(readSysctl('net/ipv4/conf/nosuch0/forwarding'))).toMatchObject({ code: 'ENOENT' });
  });

  test('a value the kernel refuses is EINVAL', async () => {
    expect(await failure(writeSysctl(forwarding, 'many', namespace))).toMatchObject({ code: 'EINVAL' });
  });

  test.each(['../etc/hostname', 'net/../../etc/hostname', '/etc/hostname', 'net//ipv4', '', 'net/a\0b'])(
    'the path %j is refused',
    async (path) => {
      await expect(writeSysctl(path, '1')).rejects.toThrow('is not a path below /proc/sys');
      await expect(readSysctl(path)).rejects.toThrow('is not a path below /proc/sys');
    },
  );
});

test('the reaper deletes links while the netlink thread goes on', async () => {
  await runProgram([createVeth('ftest0', 'ftest1'), createVeth('ftest2', 'ftest3')]);
  const deletions = runReaper([deleteLink('ftest0'), deleteLink('ftest2')]);
  const [replies] = await runProgram([getLink('lo')]);
  expect(linkNames(replies?.messages ?? [])).toEqual(['lo']);
  await deletions;
  expect((await hostLinks()).filter((name) => name.startsWith('ftest'))).toEqual([]);
});

test('the reaper answers while earlier programs of it wait for the kernel', async () => {
  // The kernel keeps whoever deletes a link waiting: mostly long, but how long is its own affair.
  const overtaken = await waitUntil('a question overtook a deletion', async () => {
    await runProgram([createVeth('ftest0', 'ftest1')]);
    const ended: string[] = [];
    await Promise.all([
      runReaper([deleteLink('ftest0')]).then(() => ended.push('deletion')),
      runReaper([getLink('lo')]).then(() => ended.push('question')),
    ]);
    return ended[0] === 'question';
  });
  expect(overtaken).toBe(true);
});

test('more programs than the reaper has threads are all run, and a failed one harms no other', async () => {
  const names = Array.from({ length: 50 }, (_, i) => `ftest${i}a`);
  await runProgram(names.map((name) => createVeth(name, name.replace('a', 'b'))));
  const results = await Promise.allSettled(
    [...names, 'nosuch0', ...names.map(() => 'lo')].map((name) =>
      runReaper([name === 'lo' ? getLink('lo') : deleteLink(name)]),
    ),
  );
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect((await hostLinks()).filter((name) => name.startsWith('ftest'))).toEqual([]);
});

test('a request type the kernel has no idea of is an error', async () => {
  const message = Uint8Array.from(getLink('lo').message);
  new DataView(message.buffer).setUint16(4, RTM_GETLINK + 1000, true);
  expect(await failure(runProgram([{ socket: 'host', message, acks: 1 }]))).toMatchObject({
    code: 'ENOTSUP',
  });
});
