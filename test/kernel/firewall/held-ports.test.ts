// Ports held on the host by real sockets.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { HeldPorts } from '../../../src/firewall/held-ports.ts';
import type { HostPortOwner, HostPortRequest } from '../../../src/firewall/host-ports.ts';
import type { EndpointId } from '../../../src/model/ids.ts';
import { hasAskersAt, type PortRequest } from '../../../src/model/port.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

const everywhere = ['0.0.0.0' as IpAddress, '::' as IpAddress];
const ipv4 = ['0.0.0.0' as IpAddress];

beforeAll(requireOwnNetwork);

function owner(name: string): HostPortOwner {
  return { endpointId: `endpoint-of-${name}` as EndpointId, sandboxName: name, addresses: [] };
}

function holder(): HeldPorts {
  const ports = new HeldPorts();
  onTestFinished(() => {
    for (const name of ['web', 'db']) ports.release(owner(name).endpointId);
  });
  return ports;
}

function tcp(port: number, first?: number, last = first, hostAddress?: string): PortRequest {
  return {
    protocol: 'tcp',
    port,
    ...(first !== undefined && last !== undefined && { hostPort: { first, last } }),
    ...(hostAddress !== undefined && { hostAddress: hostAddress as IpAddress }),
  };
}

/** Those without a host address on all of these. */
function asked(anywhere: readonly IpAddress[], requests: readonly PortRequest[]): readonly HostPortRequest[] {
  return requests.map(({ hostAddress, ...request }) => ({
    ...request,
    hostAddresses: (hostAddress === undefined ? anywhere : [hostAddress]).filter((address) =>
      hasAskersAt(address, request),
    ),
  }));
}

/** Takes a port of this process's, on IPv4 as well if asked. */
async function occupy(protocol: 'tcp' | 'udp', port: number, host: string, both = false): Promise<void> {
  if (protocol === 'tcp') {
    await listen(port, host, both);
    return;
  }
  const type = host.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, ipv6Only: type === 'udp6' && !both }).bind(port, host);
  onTestFinished(() => void socket.close());
  await once(socket, 'listening');
}

/** By a process of its own, started by another if one is given. */
async function occupyBySocat(host: string, port: number, ...starter: string[]): Promise<void> {
  const [file = '', ...args] = [...starter, 'socat', `TCP-LISTEN:${port},bind=${host}`, 'STDOUT'];
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  onTestFinished(() => void process.kill(-(child.pid ?? 0), 'SIGKILL'));
  await waitUntil('socat listens', () => run(`ss -Hltn sport = ${port}`) !== '');
}

async function listen(port: number, host: string, both = false): Promise<Server> {
  const server = createServer().listen({ port, host, exclusive: true, ipv6Only: !both });
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return server;
}

describe('a port with a list of askers', () => {
  test('is held with those of each address’s family, and not where there are none', async () => {
    const ports = holder();
    const from = ['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32'] as Cidr[];
    const [mixed, single] = [
      { ...tcp(80, 8080), from },
      { ...tcp(81, 8081), from: from.slice(1, 2) },
    ];
    const held = await ports.reserve(owner('web'), asked(everywhere, [mixed, single]));
    expect(held.map(({ hostAddress, hostPort, ...rest }) => [hostAddress, hostPort, rest.from])).toEqual([
      ['0.0.0.0', 8080, ['10.0.0.0/8', '192.0.2.7/32']],
      ['::', 8080, ['fd00::/8']],
      ['::', 8081, ['fd00::/8']],
    ]);
    await listen(8081, '0.0.0.0');
  });
});

describe('an explicit port', () => {
  test('is held on every address, and free again when released', async () => {
    const ports = holder();
    const held = await ports.reserve(owner('web'), asked(everywhere, [tcp(80, 8080)]));
    expect(held).toEqual(
      everywhere.map((hostAddress) => ({ protocol: 'tcp', port: 80, hostPort: 8080, hostAddress })),
    );
    for (const host of ['0.0.0.0', '127.0.0.1', '::']) {
      await expect(listen(8080, host)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    }
    ports.release(owner('web').endpointId);
    await listen(8080, '0.0.0.0');
    await listen(8080, '::');
  });

  test('that another process holds is kept from other sandboxes, and from nobody else', async () => {
    const ports = holder();
    const elsewhere = { ...owner('web'), heldElsewhere: true } as const;
    const held = await ports.reserve(elsewhere, asked(ipv4, [tcp(80, 8080)]));
    await listen(8080, '0.0.0.0');
    const refused = await ports
      .reserve(owner('db'), asked(ipv4, [tcp(80, 8080)]))
      .catch((error) => error.message);
    expect(refused).toBe('port 8080/tcp on 0.0.0.0 is published by sandbox web');
    ports.release(elsewhere.endpointId);
    expect(await ports.restore(elsewhere, held)).toEqual([]);
  });

  describe.for(['tcp', 'udp'] as const)('of %s', (protocol) => {
    test.for([
      { held: undefined, wanted: undefined, at: '0.0.0.0' },
      { held: undefined, wanted: '127.0.0.1', at: '127.0.0.1' },
      { held: '127.0.0.1', wanted: undefined, at: '0.0.0.0' },
      { held: '127.0.0.1', wanted: '127.0.0.1', at: '127.0.0.1' },
      { held: '::1', wanted: '::', at: '::' },
      { held: '::', wanted: '::1', at: '::1' },
    ])('is refused while $held has it and $wanted is asked for', async ({ held, wanted, at }) => {
      const ports = holder();
      const request = (address?: string) => ({ ...tcp(80, 8090, 8090, address), protocol });
      await ports.reserve(owner('web'), asked(ipv4, [request(held)]));
      await expect(ports.reserve(owner('db'), asked(ipv4, [request(wanted)]))).rejects.toMatchObject({
        code: 'conflict',
        message: `port 8090/${protocol} on ${at} is published by sandbox web`,
      });
    });

    test.for([
      { held: '0.0.0.0', wanted: '0.0.0.0' },
      { held: '0.0.0.0', wanted: '127.0.0.1' },
      { held: '127.0.0.1', wanted: '0.0.0.0' },
      { held: '::', wanted: '::1' },
      { held: '::1', wanted: '::' },
      { held: ':: and IPv4', wanted: '0.0.0.0' },
      { held: ':: and IPv4', wanted: '127.0.0.1' },
    ])(
      'is refused on $wanted while another process has it on $held, with its name',
      async ({ held, wanted }) => {
        await occupy(protocol, 8092, held.split(' ')[0] ?? '', held.includes('IPv4'));
        const request = { ...tcp(80, 8092, 8092, wanted), protocol };
        const user = `port 8092/${protocol} on ${wanted} is in use by .+ \\(pid ${process.pid}\\)$`;
        await expect(holder().reserve(owner('web'), asked(ipv4, [request]))).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringMatching(new RegExp(user)),
        });
      },
    );
  });

  test('is refused with the process that has it there, not with one that has it elsewhere', async () => {
    await occupyBySocat('127.0.0.2', 8094);
    await occupy('tcp', 8094, '127.0.0.1');
    const request = tcp(80, 8094, 8094, '127.0.0.1');
    await expect(holder().reserve(owner('web'), asked(ipv4, [request]))).rejects.toThrow(
      `(pid ${process.pid})`,
    );
  });

  test('is refused with a process of another pid namespace', async () => {
    await occupyBySocat('127.0.0.1', 8095, 'unshare', '--pid', '--fork', '--mount-proc');
    await expect(holder().reserve(owner('web'), asked(ipv4, [tcp(80, 8095)]))).rejects.toThrow(
      /^port 8095\/tcp on 0\.0\.0\.0 is in use by socat \(pid \d+\)$/,
    );
  });

  test('is refused with nobody’s name where /proc does not show who has it', async () => {
    await occupy('tcp', 8096, '127.0.0.1');
    const script = `
      const { HeldPorts } = await import('${process.cwd()}/src/firewall/held-ports.ts');
      const owner = { endpointId: 'web', sandboxName: 'web', addresses: [] };
      const request = { protocol: 'tcp', port: 80, hostPort: { first: 8096, last: 8096 }, hostAddresses: ['0.0.0.0'] };
      await new HeldPorts().reserve(owner, [request]).catch(({ message }) => console.log(message));`;
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
    const message = execFileSync('unshare', ['--pid', '--fork', '--mount-proc', ...node], {
      encoding: 'utf8',
    });
    expect(message.trim()).toBe('port 8096/tcp on 0.0.0.0 is in use by another process');
  });

  test('may be held twice where address, family or protocol differ', async () => {
    const ports = holder();
    const requests = [
      tcp(80, 8091, 8091, '127.0.0.1'),
      tcp(80, 8091, 8091, '127.0.0.2'),
      tcp(80, 8091, 8091, '::'),
      { ...tcp(80, 8091, 8091, '0.0.0.0'), protocol: 'udp' as const },
      { ...tcp(80, 8091, 8091, '0.0.0.0'), protocol: 'sctp' as const },
    ];
    expect(await ports.reserve(owner('web'), asked(ipv4, requests))).toHaveLength(5);
  });

  test('on an address the host has not is refused', async () => {
    await expect(
      holder().reserve(owner('web'), asked(ipv4, [tcp(80, 80, 80, '192.0.2.1')])),
    ).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: '192.0.2.1 is not an address of this host',
    });
  });
});

describe('a range', () => {
  test('gives the first port that is free on every address', async () => {
    const ports = holder();
    await listen(8100, '0.0.0.0');
    await listen(8101, '::');
    const held = await ports.reserve(owner('web'), asked(everywhere, [tcp(80, 8100, 8103)]));
    expect(held.map(({ hostPort }) => hostPort)).toEqual([8102, 8102]);
  });

  test('leaves a port to the request that asks for it by number, wherever it stands', async () => {
    const held = await holder().reserve(owner('web'), asked(ipv4, [tcp(80, 8110, 8111), tcp(81, 8110)]));
    expect(held.map(({ port, hostPort }) => [port, hostPort])).toEqual([
      [80, 8111],
      [81, 8110],
    ]);
  });

  test('that is taken is exhausted', async () => {
    const ports = holder();
    await ports.reserve(owner('web'), asked(ipv4, [tcp(80, 8120), tcp(80, 8121)]));
    await expect(ports.reserve(owner('db'), asked(ipv4, [tcp(80, 8120, 8121)]))).rejects.toMatchObject({
      code: 'exhausted',
      message: 'no port of 8120-8121 for tcp is free on 0.0.0.0',
    });
  });
});

describe('an ephemeral port', () => {
  const settings = ['ip_local_port_range', 'ip_local_reserved_ports'].map(
    (name) => `/proc/sys/net/ipv4/${name}`,
  );

  /** Two numbers are reserved, so four are left: 40000, 40003, 40004 and 40005. */
  function shrinkRange(): void {
    const before = settings.map((path) => readFileSync(path, 'utf8'));
    onTestFinished(() => settings.forEach((path, i) => void writeFileSync(path, before[i] ?? '')));
    ['40000 40005', '40001-40002'].forEach((value, i) => void writeFileSync(settings[i] ?? '', value));
  }

  test.for(['tcp', 'udp', 'sctp'] as const)(
    'of %s is one that is free on all addresses',
    async (protocol) => {
      shrinkRange();
      await occupy(protocol === 'udp' ? 'udp' : 'tcp', 40_004, '::1');
      const expected = protocol === 'sctp' ? [40_000, 40_003, 40_004, 40_005] : [40_000, 40_003, 40_005];
      const ports = holder();
      const requests = expected.map(() => ({ protocol, port: 80 }));
      const held = await ports.reserve(owner('web'), asked(everywhere, requests));
      const on = (address: string) =>
        held.filter(({ hostAddress }) => hostAddress === address).map(({ hostPort }) => hostPort);
      expect(on('0.0.0.0').toSorted()).toEqual(expected);
      expect(on('::')).toEqual(on('0.0.0.0'));
      await expect(
        ports.reserve(owner('db'), asked(everywhere, [{ protocol, port: 80 }])),
      ).rejects.toMatchObject({
        code: 'exhausted',
        message:
          `no ephemeral port of net.ipv4.ip_local_port_range (40000-40005) less net.ipv4.ip_local_reserved_ports ` +
          `(40001-40002) for ${protocol} is free on 0.0.0.0 and ::`,
      });
    },
  );

  test('that was let go is the last to be given again', async () => {
    shrinkRange();
    const ports = holder();
    const given: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [held] = await ports.reserve(owner('web'), asked(ipv4, [{ protocol: 'tcp', port: 80 }]));
      ports.release(owner('web').endpointId);
      given.push(held?.hostPort ?? 0);
    }
    expect(given.slice(0, 4).toSorted()).toEqual([40_000, 40_003, 40_004, 40_005]);
    expect(given.slice(4)).toEqual(given.slice(0, 4));
  });
});

test('nothing is held when one of several requests is refused', async () => {
  const ports = holder();
  await listen(8131, '0.0.0.0');
  await expect(
    ports.reserve(owner('web'), asked(everywhere, [tcp(80, 8130), tcp(81, 8131)])),
  ).rejects.toThrow('8131');
  expect(await ports.reserve(owner('db'), asked(everywhere, [tcp(80, 8130)]))).toHaveLength(2);
});

test('only the ports named are released', async () => {
  const ports = holder();
  const held = await ports.reserve(owner('web'), asked(ipv4, [tcp(80, 8140), tcp(81, 8141)]));
  ports.release(owner('web').endpointId, held.slice(0, 1));
  await listen(8140, '0.0.0.0');
  await expect(listen(8141, '0.0.0.0')).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('recorded ports are held again, and those taken meanwhile are told', async () => {
  const recorded = [8150, 8151].map((hostPort) => ({
    protocol: 'tcp' as const,
    port: 80,
    hostPort,
    hostAddress: '0.0.0.0' as IpAddress,
  }));
  const server = await listen(8151, '0.0.0.0');
  const ports = holder();
  expect(await ports.restore(owner('web'), recorded)).toEqual(recorded.slice(1));
  server.close();
  expect(await ports.reserve(owner('db'), asked(ipv4, [tcp(80, 8150, 8151)]))).toMatchObject([
    { hostPort: 8151 },
  ]);
});

test('a recorded port of an address that is not there now stays the recorded owner’s', async () => {
  const ports = holder();
  const recorded = {
    protocol: 'tcp',
    port: 80,
    hostPort: 8152,
    hostAddress: '192.0.2.1' as IpAddress,
  } as const;
  expect(await ports.restore(owner('db'), [recorded])).toEqual([]);
  await expect(ports.reserve(owner('web'), asked(ipv4, [tcp(80, 8152)]))).rejects.toThrow(
    'published by sandbox db',
  );
});

test('a held port answers nobody', async () => {
  const [held] = await holder().reserve(owner('web'), asked(ipv4, [tcp(80)]));
  const socket = connect(held?.hostPort ?? 0, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const first = await Promise.race([
    once(socket, 'connect').then(() => 'connected'),
    once(socket, 'error').then(() => 'refused'),
    new Promise((resolve) => setTimeout(resolve, 300, 'silence')),
  ]);
  expect(first).toBe('silence');
});
