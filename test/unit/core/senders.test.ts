// Whose addresses endpoints may send with, as the core tells the firewall.
import { expect, test } from 'vitest';
import { CoreController } from '../../../src/core/controller.ts';
import { policyState } from '../../../src/core/desired.ts';
import type { Driver } from '../../../src/drivers/driver.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

/** The fake driver, with ports that are guarded on networks but those called `free`. */
function guarding(driver: Driver): Driver {
  return {
    ...driver,
    attachment(network, endpoint) {
      const attachment = driver.attachment(network, endpoint);
      if (attachment?.link.kind !== 'veth' || network.name === 'free') return attachment;
      return { ...attachment, link: { ...attachment.link, guarded: true } };
    },
  };
}

async function lab(): Promise<{ parts: FakeParts; core: CoreController }> {
  const fake = fakeParts();
  const drivers = new Map([...fake.drivers].map(([name, driver]) => [name, guarding(driver)]));
  const parts = { ...fake, drivers };
  const core = new CoreController(parts);
  await core.start();
  for (const name of ['one', 'two', 'free']) await core.createNetwork({ name });
  await core.createSandbox({ name: 'web' });
  return { parts, core };
}

test('an endpoint sends with its own MAC address, by its own port, and any address of its sandbox', async () => {
  const { parts, core } = await lab();
  for (const network of ['one', 'two']) await core.connect({ network, target: 'web' });
  const endpoints = [...parts.store.state.endpoints.values()];
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses.map((one) => one.split('/')[0]));
  const policies = policyState(parts).endpoints;
  expect(policies).toHaveLength(2);
  for (const { id, mac } of endpoints) {
    const sender = policies.find(({ endpointId }) => endpointId === id)?.sender;
    expect(sender).toMatchObject({ ifname: `fv${id.slice(0, 10)}`, mac });
    expect([...(sender?.addresses ?? [])].sort()).toEqual([...addresses].sort());
  }
});

test('nothing is said of an endpoint without ports on a network that is not guarded', async () => {
  const { parts, core } = await lab();
  await core.connect({ network: 'free', target: 'web' });
  expect(policyState(parts).endpoints).toEqual([]);
});
