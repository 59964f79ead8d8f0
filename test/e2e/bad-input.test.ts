// Every way we could think of to ask for the impossible: a clear error, and nothing changed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await host.net('create', '--subnet', '10.88.0.0/24', '--label', 'keep=yes', 'lab');
  await host.net('create', '--subnet', '10.88.1.0/30', 'tiny');
  await host.net('sandbox', 'create', 'one');
  await host.net('sandbox', 'create', 'two');
  await host.net('connect', '-p', '9000:80', 'lab', 'one');
  await host.net('connect', 'tiny', 'one');
});

afterAll(() => host[Symbol.asyncDispose]());

/** The command, what the message must name, and the exit status. */
const refusals: readonly [string, RegExp, number][] = [
  ['create -bad', /-b|bad/, 2],
  ['create', /NAME/i, 2],
  ['create .hidden', /\.hidden/, 1],
  [`create ${'n'.repeat(64)}`, /63|name/, 1],
  ['create a/b', /a\/b/, 1],
  ['create lab', /lab.*already|already.*lab|exists/, 1],
  ['create bridge', /bridge/, 1],
  ['create --subnet 10.1.2.3/24 x', /10\.1\.2\.3\/24.*10\.1\.2\.0\/24/, 1],
  ['create --subnet 10.1.2.0/33 x', /10\.1\.2\.0\/33/, 1],
  ['create --subnet nonsense x', /nonsense/, 1],
  ['create --subnet 10.88.0.128/25 x', /10\.88\.0\.128\/25.*lab|lab.*10\.88\.0/, 1],
  ['create --subnet 10.1.2.0/24 --gateway 10.9.9.1 x', /10\.9\.9\.1/, 1],
  ['create --subnet 10.1.2.0/24 --ip-range 10.1.3.0/25 x', /10\.1\.3\.0\/25/, 1],
  ['create --subnet 10.1.2.0/24 --aux-address a=10.9.9.1 x', /10\.9\.9\.1/, 1],
  ['create -o color=red x', /color/, 1],
  ['create -o icc=perhaps x', /icc.*perhaps|perhaps.*icc/, 1],
  ['create -o mtu=12 x', /mtu.*12|12.*mtu/, 1],
  ['create -d unheard-of x', /unheard-of/, 1],
  ['create -d ipvlan x', /ipvlan/, 1],
  ['create -d macvlan -o parent=missing0 x', /missing0/, 1],
  ['create -d macvlan -o mode=loud -o parent=lo x', /mode.*loud|loud.*mode/, 1],
  ['create -o bridge=a-name-too-long-for-linux x', /a-name-too-long-for-linux/, 1],
  ['create --unknown x', /--unknown/, 2],
  ['connect lab', /TARGET/i, 2],
  ['connect nowhere two', /nowhere/, 1],
  ['connect lab nobody', /nobody/, 1],
  ['connect lab one', /one.*lab|lab.*one/, 1],
  ['connect --ip 10.99.0.1 lab two', /10\.99\.0\.1.*10\.88\.0\.0\/24|10\.99\.0\.1/, 1],
  ['connect --ip 10.88.0.1 lab two', /10\.88\.0\.1/, 1],
  ['connect --ip 10.88.0.2 lab two', /10\.88\.0\.2/, 1],
  ['connect --ip 10.88.0.999 lab two', /10\.88\.0\.999/, 1],
  ['connect --ip fd00::5 lab two', /fd00::5/, 1],
  ['connect --mac 01:00:5e:00:00:01 lab two', /01:00:5e:00:00:01/, 1],
  ['connect --mac fish lab two', /fish/, 1],
  ['connect --ifname a-name-too-long-for-linux lab two', /a-name-too-long-for-linux/, 1],
  ['connect tiny two', /10\.88\.1\.0\/30.*full/, 1],
  ['connect -p 9000:80 lab two', /9000.*one|one.*9000/, 1],
  ['connect -p 9001:80 lab two', /9001.*socat|socat.*9001/, 1],
  ['connect -p 70000:80 lab two', /70000/, 1],
  ['connect -p 80/fish lab two', /fish/, 1],
  ['connect -p 8000-8010:80-81 lab two', /8000-8010/, 1],
  ['connect -p 203.0.113.9:80:80 lab two', /203\.0\.113\.9/, 1],
  ['connect lab pid:999999', /999999/, 1],
  ['connect lab pid:1', /host|own/, 1],
  ['connect lab netns:/etc/hosts', /\/etc\/hosts/, 1],
  ['connect lab netns:/nowhere', /\/nowhere/, 1],
  ['connect host one', /host/, 1],
  ['disconnect lab two', /two.*lab|lab.*two/, 1],
  ['rm bridge', /bridge/, 1],
  ['rm lab', /one/, 1],
  ['rm nowhere', /nowhere/, 1],
  ['inspect nowhere', /nowhere/, 1],
  ['sandbox create one', /one/, 1],
  ['sandbox create a/b', /a\/b/, 1],
  ['sandbox rm nobody', /nobody/, 1],
  ['exec nobody -- true', /nobody/, 125],
  ['kill one', /one/, 1],
  ['kill -s WRONG one', /WRONG|one/, 1],
  ['run --network nowhere -- true', /nowhere/, 125],
  ['run --network lab --name one -- true', /one/, 125],
  ['run --network lab -p 9000:80 -- true', /9000/, 125],
  ['run --network lab --ip 10.88.0.2 -- true', /10\.88\.0\.2/, 125],
  ['run --network none --network lab -- true', /none/, 125],
  ['run --network lab --user nobody-here -- true', /nobody-here/, 125],
  ['run --network lab', /CMD|command/i, 2],
  ['run --colour red -- true', /--colour/, 2],
  ['unheard-of', /unheard-of/, 2],
];

describe('refused, named and without effect', () => {
  beforeAll(() => {
    host.spawn(['socat', 'TCP-LISTEN:9001,fork', 'STDOUT']);
  });

  test.each(refusals)('net %s', async (command, message, status) => {
    const before = await host.state();
    const result = await host.tryNet(...command.split(' '));
    expect(result).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) });
    if (status !== 2) expect(result.stderr).toMatch(/^net: [^\n]+\n$/);
    expect(await host.state()).toEqual(before);
    expect(await host.tryNet('check')).toMatchObject({ status: 0 });
  });

  test('an unknown option lists the known ones', async () => {
    const { stderr } = await host.tryNet('create', '-o', 'color=red', 'x');
    expect(stderr).toMatch(/masquerade/);
    expect(stderr).toMatch(/icc/);
  });
});

describe('a bridge with 1,023 ports', () => {
  test('refuses the next endpoint and says why', async () => {
    await host.net('create', '-o', 'bridge=full0', 'crowded');
    await host.shell(`
      for i in $(seq 1023); do
        echo "link add f$i type veth peer name p$i"
        echo "link set f$i master full0"
      done | ip -batch -`);
    const result = await host.tryNet('connect', 'crowded', 'two');
    expect(result).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/crowded.*1,?023|1,?023.*crowded|full0.*1,?023/),
    });
    await host.shell(`for i in $(seq 1023); do echo "link set f$i group 77"; done | ip -batch -
      ip link del group 77`);
    await host.net('rm', 'crowded');
    await host.net('check');
  });
});

describe('garbage on the socket', () => {
  const socket = 'UNIX-CONNECT:/run/fairlead/api.sock';

  test.each([
    ['bytes', 'head -c 65536 /dev/urandom'],
    ['an endless header', "printf 'GET / HTTP/1.1\\r\\nx: '; head -c 300000 /dev/zero | tr '\\0' x"],
    [
      'a body that is not JSON',
      "printf 'POST /networks/create HTTP/1.1\\r\\nhost: x\\r\\ncontent-type: application/json\\r\\ncontent-length: 1\\r\\n\\r\\n{'",
    ],
    ['a request without an end', "printf 'GET /networks HTT'"],
  ])('%s: netd goes on', async (_, bytes) => {
    await host.shell(`{ ${bytes}; } | socat -T1 - ${socket} >/dev/null 2>&1 || true`);
    expect(await host.net('ls')).toMatch(/lab/);
    await host.net('check');
  });
});
