// Who asks at a gateway address, by table: `web` and `both` are on `lab`, `both` on `back` too; the host has 10.0.0.1.
import { expect, test } from 'vitest';
import { type Askers, viewFrom } from '../../../src/dns/askers.ts';
import type { NetworkId } from '../../../src/model/ids.ts';
import type { ResolverView } from '../../../src/model/name-entry.ts';
import { back, lab, smallWorld, view } from './names.ts';

const both = view([lab, back], { sandboxId: 'both' as ResolverView['sandboxId'], forwarding: 'none' });

function askers(): Askers {
  const isHost = (address: string) => address === '10.0.0.1';
  return { table: smallWorld(), views: new Map([[both.sandboxId, both]]), isHost };
}

const alone = (network: NetworkId, forwarding: ResolverView['forwarding']) => {
  return { networks: [network], links: [], forwarding };
};

test.each<[string, string, NetworkId, ReturnType<typeof viewFrom>]>([
  ['a sandbox on two networks sees both at the one', '10.0.0.4', lab, both],
  ['and at the other', '10.0.1.4', back, both],
  ['over IPv6 alike', 'fd00:1::4', back, both],
  [
    'a sandbox of which nothing else is known sees the network, and nothing leaves',
    '10.0.0.2',
    lab,
    { sandboxId: 'web' as never, ...alone(lab, []) },
  ],
  ['the host sees the network, and is forwarded as the host', '10.0.0.1', lab, alone(lab, 'host')],
  ['an address of another network is a stranger’s', '10.0.1.4', lab, undefined],
  [
    'a network without sandboxes knows the host',
    '10.0.0.1',
    'new' as NetworkId,
    alone('new' as NetworkId, 'host'),
  ],
  ['and nobody else', '10.0.0.2', 'new' as NetworkId, undefined],
  ['an address nobody has is a stranger’s', '10.0.0.200', lab, undefined],
  ['a link-local address is a stranger’s', 'fe80::1%lab0', lab, undefined],
])('%s', (_, address, network, expected) => {
  expect(viewFrom(address, network, askers())).toEqual(expected);
});

test('an address that goes to another sandbox takes nothing along', () => {
  const { table, ...rest } = askers();
  const former = table.holder('10.0.0.4' as never, lab);
  if (former === undefined) throw new Error('nobody has the address');
  table.remove(former.endpointId);
  expect(viewFrom('10.0.0.4', lab, { table, ...rest })).toBeUndefined();
  table.upsert({ ...former, endpointId: 'new@lab' as never, sandboxId: 'new' as never });
  expect(viewFrom('10.0.0.4', lab, { table, ...rest })).toEqual({ sandboxId: 'new', ...alone(lab, []) });
});
