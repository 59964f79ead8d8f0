// What in the table `filter` is Docker's.
import { expect, test } from 'vitest';
import { surroundingsOf } from '../../../../src/firewall/iptables/surroundings.ts';

test("Docker's bridges are those its rules lead packets to", () => {
  const filter = new Map([
    ['FORWARD', ['-o shop -j DOCKER', '-o wg0 -j ACCEPT', '-i docker0 ! -o docker0 -j ACCEPT']],
    ['DOCKER', ['-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -j ACCEPT', '! -o other -j RETURN']],
    ['DOCKER-USER', ['-o mine -j RETURN']],
  ]);
  expect(surroundingsOf(filter)).toEqual({ hasUserChain: true, named: ['docker0\0', 'shop\0'] });
});

test('without Docker there is nothing to heed', () => {
  expect(surroundingsOf(new Map([['FORWARD', ['-o wg0 -j ACCEPT']]]))).toEqual({
    hasUserChain: false,
    named: [],
  });
});
