// Whom `net why` takes for endpoints of other hosts.
import { beforeEach, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { Network } from '../../../src/model/network.ts';
import type { TraceRequest } from '../../../src/tracer/tracer.ts';
import { aPeer } from '../../support/a-peer.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let lab: Network;
/** What the tracer was asked last. */
let asked: TraceRequest | undefined;

beforeEach(async () => {
  const fake = fakeParts();
  const trace = (request: TraceRequest) => {
    asked = request;
    return fake.tracer.trace(request);
  };
  parts = { ...fake, tracer: { ...fake.tracer, trace } };
  core = new CoreController(parts);
  await core.start();
  lab = await core.createNetwork({ name: 'lab', driver: 'overlay' });
  await core.createSandbox({ name: 'web' });
  const peer = aPeer(lab);
  parts.cluster.peers.set(lab.id, new Map([[peer.id, peer]]));
});

const join = () => core.connect({ network: 'lab', target: 'web' });

test('a name nobody has here is looked for on other hosts, whether somebody here is on the network or not', async () => {
  expect(await core.why({ from: 'web', to: 'job:80' })).toMatchObject({ ways: [{ address: '10.90.0.77' }] });
  await join();
  expect(await core.why({ from: 'web', to: 'job:80' })).toMatchObject({ ways: [{ address: '10.90.0.77' }] });
  expect(asked).toMatchObject({ goal: 'job', peers: [{ name: 'job', host: { name: 'h2' } }] });
});

test('a sandbox of this host comes before one of that name on another', async () => {
  await join();
  await core.createSandbox({ name: 'job' });
  await core.connect({ network: 'lab', target: 'job' });
  const { ways } = await core.why({ from: 'web', to: 'job:80' });
  expect(ways.map(({ address }) => address)).not.toContain('10.90.0.77');
});

test('of several networks the one that is shared with the asker counts', async () => {
  await join();
  const far = await core.createNetwork({ name: 'far', driver: 'overlay' });
  const other = aPeer(far, { addresses: ['10.91.0.77/24' as InterfaceAddress] });
  parts.cluster.peers.set(far.id, new Map([[other.id, other]]));
  const { ways } = await core.why({ from: 'web', to: 'job:80' });
  expect(ways.map(({ address }) => address)).toEqual(['10.90.0.77']);
});

test('an endpoint of another host asks from behind the tunnel of its network', async () => {
  await join();
  await core.why({ from: 'job', to: 'web:80' });
  expect(asked?.from).toMatchObject({ kind: 'peer', peer: { name: 'job', host: { name: 'h2' } } });
});

test('and cannot ask where nobody here is on its network', async () => {
  await expect(core.why({ from: 'job', to: 'web:80' })).rejects.toMatchObject({ code: 'not_found' });
});

test('an address is that of an endpoint of another host as well', async () => {
  await join();
  await core.why({ from: 'web', to: '10.90.0.77:80' });
  expect(asked?.peers).toMatchObject([{ name: 'job' }]);
});

test('a name nobody has is told from one that other hosts cannot be asked for', async () => {
  await expect(core.why({ from: 'web', to: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
  parts.cluster.away = true;
  await expect(core.why({ from: 'web', to: 'nobody' })).rejects.toMatchObject({ code: 'unavailable' });
});
