// Real packets of a prober, on a way whose last link carries less than its first.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import type { Probe } from '../../../src/tracer/prober.ts';
import { SocketProber } from '../../../src/tracer/socket-prober.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeScratchNamespace, type ScratchNamespace } from '../native/scratch-namespace.ts';

const prober = new SocketProber();
const narrowMtu = 1300;
let router: ScratchNamespace;
let far: ScratchNamespace;

const attempt = (probe: Partial<Probe> & Pick<Probe, 'protocol'>, to: string) =>
  prober.attempt({ place: 'host', isOurs: false, patienceMs: 1000, to: to as IpAddress, ...probe });

beforeAll(async () => {
  requireOwnNetwork();
  [router, far] = [await makeScratchNamespace(), await makeScratchNamespace()];
  const inside = (one: ScratchNamespace, command: string) => run(`nsenter --net=${one.path} ${command}`);
  run(`ip link add pr-near type veth peer name near netns ${router.path}`);
  run('ip address add 10.65.1.2/24 dev pr-near');
  run('ip address add fd65::2/64 dev pr-near nodad');
  run('ip link set pr-near up');
  run('ip route add 10.66.0.0/16 via 10.65.1.1');
  run('ip -6 route add fd66::/48 via fd65::1');
  inside(router, 'ip address add 10.65.1.1/24 dev near');
  inside(router, 'ip address add fd65::1/64 dev near nodad');
  inside(
    router,
    `ip link add far mtu ${narrowMtu} type veth peer name near mtu ${narrowMtu} netns ${far.path}`,
  );
  inside(router, 'ip address add 10.66.1.1/24 dev far');
  inside(router, 'ip address add fd66::1/64 dev far nodad');
  for (const link of ['near', 'far']) inside(router, `ip link set ${link} up`);
  inside(router, 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
  inside(far, 'ip address add 10.66.1.2/24 dev near');
  inside(far, 'ip address add fd66::2/64 dev near nodad');
  inside(far, 'ip link set near up');
  inside(far, 'ip route add default via 10.66.1.1');
  inside(far, 'ip -6 route add default via fd66::1');
  // Links answer for their IPv6 addresses a moment after they are up.
  for (const to of ['10.66.1.2', 'fd66::2']) {
    await waitUntil(`${to} answers`, async () => (await attempt({ protocol: 'icmp' }, to)).answered === true);
  }
});

afterAll(async () => {
  run('ip link delete pr-near');
  await router.remove();
  await far.remove();
});

describe.each(['10.66.1.2', 'fd66::2'])('towards %s', (to) => {
  test.each([64, narrowMtu])('an echo request of %i bytes is answered', async (sizeBytes) => {
    expect(await attempt({ protocol: 'icmp', sizeBytes }, to)).toMatchObject({ answered: true });
  });

  // The first tells the kernel the way's MTU, which would have it send the second in fragments.
  test.each(['the first', 'the second'])(
    '%s that is longer than a link carries does not get there',
    async () => {
      const outcome = await attempt({ protocol: 'icmp', sizeBytes: narrowMtu + 1, patienceMs: 200 }, to);
      expect(outcome).toMatchObject({ answered: false });
    },
  );

  test('one that is longer than the first link carries is not sent', async () => {
    expect(await attempt({ protocol: 'icmp', sizeBytes: 1501 }, to)).toMatchObject({ answered: false });
  });

  test.each(['tcp', 'udp'] as const)('a closed port of %s refuses', async (protocol) => {
    expect(await attempt({ protocol, port: 9 }, to)).toEqual({
      answered: false,
      refused: true,
      text: 'is refused',
    });
  });

  test('nobody refuses where nobody is', async () => {
    const nobody = to.replace(/2$/, '9');
    const { answered, refused } = await attempt({ protocol: 'tcp', port: 9, patienceMs: 100 }, nobody);
    expect({ answered, refused }).toEqual({ answered: false, refused: undefined });
  });
});
