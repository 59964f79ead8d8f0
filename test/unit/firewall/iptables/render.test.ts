// What policies become in iptables. The rules as a whole are in docs/rules/iptables.md.
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { policiesOf } from '../../../../src/firewall/iptables/policies.ts';
import { render } from '../../../../src/firewall/iptables/render.ts';
import { noSurroundings } from '../../../../src/firewall/iptables/surroundings.ts';
import type { AllowanceId } from '../../../../src/model/ids.ts';
import { addressOf, endpointPolicy, forward, networkPolicy } from '../../../kernel/firewall/lan.ts';

test.each(['wild+', 'two words', 'a"b', 'line\nbreak', 'x'.repeat(16), ''])(
  'an interface called %j is refused',
  (ifname) => {
    const policies = policiesOf({ networks: [networkPolicy(1, { ifname })], endpoints: [] });
    expect(() => render(4, policies, noSurroundings)).toThrow('no rule can name interface');
  },
);

test('names of chains are no longer than iptables takes them', () => {
  const network = networkPolicy(1, { ifname: 'x'.repeat(15) });
  const ports = [
    forward(80, addressOf(1, 2)),
    forward(81, addressOf(1, 2), { hostAddress: '192.0.2.1' as IpAddress }),
  ];
  const endpoints = [endpointPolicy('f'.repeat(64), 1, ports)];
  const { filter, nat } = render(4, policiesOf({ networks: [network], endpoints }), noSurroundings);
  const names = [...filter.chains.keys(), ...nat.chains.keys()];
  expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(28);
});

test('a chain of no rules is not made', () => {
  const endpoints = [endpointPolicy('e', 1, [forward(80, addressOf(1, 2, 6))])];
  const { nat } = render(4, policiesOf({ networks: [], endpoints }), noSurroundings);
  expect([...nat.chains.keys()].filter((name) => name.endsWith('-e'))).toEqual([]);
});

test("the administrator's rules for containers are asked where Docker has a chain for them", () => {
  const policies = policiesOf({ networks: [networkPolicy(1)], endpoints: [] });
  const accept = (hasUserChain: boolean) =>
    render(4, policies, { hasUserChain, named: [] }).filter.chains.get('FAIRLEAD-ACCEPT')?.rules;
  expect(accept(true)).toEqual(['-j DOCKER-USER', '-j ACCEPT']);
  expect(accept(false)).toEqual(['-j ACCEPT']);
});

test("the administrator's chain comes first, and has no rules of ours", () => {
  const { filter } = render(4, policiesOf({ networks: [networkPolicy(1)], endpoints: [] }), noSurroundings);
  expect(filter.chains.get('FAIRLEAD-FILTER')?.rules[0]).toBe('-j FAIRLEAD-USER');
  expect(filter.chains.get('FAIRLEAD-USER')).toEqual({ rules: [], kept: true });
});

test('what several allowances say is said once', () => {
  const same = { from: ['10.81.1.0/24' as Cidr], to: ['10.81.2.0/24' as Cidr, 'fd81:2::/64' as Cidr] };
  const allowances = ['a', 'b'].map((id) => ({ allowanceId: id as AllowanceId, ...same }));
  const policies = policiesOf({ networks: [networkPolicy(1), networkPolicy(2)], endpoints: [], allowances });
  const rules = (family: 4 | 6) =>
    render(family, policies, noSurroundings).filter.chains.get('FAIRLEAD-ALLOWED')?.rules;
  expect(rules(4)).toEqual(['-s 10.81.1.0/24 -d 10.81.2.0/24 -j FAIRLEAD-ACCEPT']);
  expect(rules(6)).toBeUndefined();
});
