// Announcements of the kernel reach their subscribers.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { splitMessages } from '../../../src/kernel/netlink/message.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import {
  NFNLGRP_NFTABLES,
  RTNLGRP_LINK,
  type Subscription,
  type SubscriptionTopic,
  subscribe,
} from '../../../src/kernel/subscription.ts';
import { makeScratchNamespace, type ScratchNamespace } from './scratch-namespace.ts';
import { until } from './until.ts';
import { changeMtu, createTable, createVeth, deleteLink, linkNames, messageTypes, nftBatch } from './wire.ts';

let scratch: ScratchNamespace;
const subscriptions: Subscription[] = [];

beforeEach(async () => {
  scratch = await makeScratchNamespace();
});

afterEach(async () => {
  for (const subscription of subscriptions.splice(0)) subscription.close();
  await scratch.remove();
});

/** Collects everything that is announced. */
async function listen(topic: SubscriptionTopic): Promise<{ messages: Uint8Array[]; overruns: number }> {
  const heard = { messages: [] as Uint8Array[], overruns: 0 };
  const subscription = await subscribe(topic, {
    messages: (bytes) => heard.messages.push(...splitMessages(bytes)),
    overrun: () => {
      heard.overruns++;
    },
  });
  subscriptions.push(subscription);
  return heard;
}

test('links that come and go are announced', async () => {
  const heard = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  await runProgram([createVeth('fsub0', 'fsub1')]);
  await until(() => linkNames(heard.messages).includes('fsub1'));
  await runProgram([deleteLink('fsub0')]);
  const RTM_DELLINK = 17;
  await until(() => messageTypes(heard.messages).includes(RTM_DELLINK));
});

test('a subscription in a namespace hears that namespace only', async () => {
  const outside = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  const inside = await listen({ protocol: 'route', groups: [RTNLGRP_LINK], namespace: scratch.namespace });
  await runProgram([createVeth('fsub0', 'inner0', scratch.namespace.fd)]);
  await until(() => linkNames(inside.messages).includes('inner0'));
  await until(() => linkNames(outside.messages).includes('fsub0'));
  expect(linkNames(inside.messages)).not.toContain('fsub0');
  expect(linkNames(outside.messages)).not.toContain('inner0');
  await runProgram([deleteLink('fsub0')]);
});

test('changes of nftables are announced', async () => {
  const heard = await listen({ protocol: 'netfilter', groups: [NFNLGRP_NFTABLES] });
  await runProgram([nftBatch([createTable('fsub')])]);
  const NFT_MSG_NEWTABLE = 0xa00;
  await until(() => messageTypes(heard.messages).includes(NFT_MSG_NEWTABLE));
});

test('nothing is delivered after closing, which may be repeated', async () => {
  const closed = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  const open = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  subscriptions[0]?.close();
  subscriptions[0]?.close();
  await runProgram([createVeth('fsub0', 'fsub1'), deleteLink('fsub0')]);
  await until(() => open.messages.length > 0);
  expect(closed.messages).toEqual([]);
});

test('a subscription may be closed by its own listener', async () => {
  let heard = 0;
  const subscription = await subscribe(
    { protocol: 'route', groups: [RTNLGRP_LINK] },
    {
      messages: () => {
        heard++;
        subscription.close();
      },
      overrun: () => {},
    },
  );
  const other = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  await runProgram([createVeth('fsub0', 'fsub1'), deleteLink('fsub0')]);
  await until(() => other.messages.length > 1);
  expect(heard).toBe(1);
});

test('announcements that were lost are reported', async () => {
  await runProgram([createVeth('fsub0', 'fsub1')]);
  const heard = await listen({ protocol: 'route', groups: [RTNLGRP_LINK] });
  const changes = runProgram(changeMtu('fsub0', 30_000));
  blockUntilNetlinkDrops();
  await changes;
  await until(() => heard.overruns > 0);
  const before = heard.messages.length;
  await runProgram([deleteLink('fsub0')]);
  await until(() => heard.messages.length > before);
});

test('a group the kernel does not have is an error', async () => {
  const topic: SubscriptionTopic = { protocol: 'route', groups: [100_000] };
  await expect(subscribe(topic, { messages: () => {}, overrun: () => {} })).rejects.toMatchObject({
    code: 'EINVAL',
  });
});

/** Keeps the event loop from reading until the kernel has dropped something. */
function blockUntilNetlinkDrops(): void {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const sockets = readFileSync('/proc/net/netlink', 'utf8')
      .split('\n')
      .map((line) => line.split(/\s+/));
    const ours = sockets.filter(([, protocol, , groups]) => protocol === '0' && groups === '00000001');
    if (ours.some((fields) => Number(fields[8]) > 0)) return;
  }
  throw new Error('the kernel dropped nothing');
}
