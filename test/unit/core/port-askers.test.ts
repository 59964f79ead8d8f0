// Who may use a published port: from the request to the record.
import { beforeEach, describe, expect, test } from 'vitest';
import { parseCidr } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { parsePublish } from '../../../src/model/publish-syntax.ts';
import { fakeParts } from '../../support/fake-parts.ts';

let core: CoreController;

beforeEach(async () => {
  core = new CoreController(fakeParts());
  await core.start();
  const pools = ['10.5.0.0/29', 'fd05::/64'].map((subnet) => ({
    subnet: parseCidr(subnet, 'x'),
    reserved: {},
  }));
  await core.createNetwork({ name: 'lab', pools });
  await core.createNetwork({
    name: 'half',
    pools: ['10.6.0.0/29', 'fd06::/64'].map((subnet) => ({ subnet: parseCidr(subnet, 'x'), reserved: {} })),
    options: { gateway_mode_ipv6: 'routed' },
  });
  await core.createSandbox({ name: 'web' });
});

async function published(network: string, ...words: readonly string[]) {
  const ports = words.flatMap(parsePublish);
  const endpoint = await core.connect({ network, target: 'web', ports });
  return endpoint.ports.map(({ hostAddress, hostPort, from }) => [hostAddress, hostPort, from]);
}

describe('a port with a list of askers', () => {
  test.each([
    [
      'of both families',
      'from=10.0.0.0/8,from=fd00::/8,from=192.0.2.7',
      [
        ['0.0.0.0', 8080, ['10.0.0.0/8', '192.0.2.7/32']],
        ['::', 8080, ['fd00::/8']],
      ],
    ],
    ['of one family is not published for the other', 'from=fd00::/8', [['::', 8080, ['fd00::/8']]]],
    [
      'keeps those of its host address’s family',
      'host-ip=127.0.0.1,from=fd00::/8,from=127.0.0.0/8',
      [['127.0.0.1', 8080, ['127.0.0.0/8']]],
    ],
  ])('%s', async (_, words, ports) => {
    expect(await published('lab', `target=80,published=8080,${words}`)).toEqual(ports);
    expect(core.ports('web').map(({ from }) => from)).toEqual(ports.map(([, , from]) => from));
  });

  test('that nobody could use is refused', async () => {
    await expect(published('lab', 'target=80,host-ip=127.0.0.1,from=fd00::/8')).rejects.toThrow(
      'port 80/tcp: none of fd00::/8 can use it, as it is published for IPv4 (127.0.0.1) alone',
    );
    expect(core.sandbox('web').endpoints).toEqual([]);
  });

  test('is opened to them where the network is routed, and held for them where it is not', async () => {
    expect(await published('half', 'target=80,published=8080,from=10.0.0.0/8,from=fd00::/8')).toEqual([
      ['0.0.0.0', 8080, ['10.0.0.0/8']],
      ['::', 0, ['fd00::/8']],
    ]);
  });

  test('is not held where only those may use it who reach the endpoint itself', async () => {
    expect(await published('half', 'target=80,published=8080,from=fd00::/8')).toEqual([
      ['::', 0, ['fd00::/8']],
    ]);
  });

  test('cannot be opened to others as well, in which order its askers are named does not matter', async () => {
    await published('half', 'target=80,published=8080,from=fd00::/8,from=fe00::/8');
    await core.publish('web', parsePublish('target=80,published=8081,from=fe00::/8,from=fd00::/8'), 'half');
    await expect(core.publish('web', parsePublish('8082:80'), 'half')).rejects.toThrow(
      'port 80/tcp is open to fd00::/8, fe00::/8 already, and cannot be opened to everybody beside that',
    );
  });
});
