// Ports held on the host by real sockets.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { HeldPorts } from '../../../src/firewall/held-ports.ts';
import type { HostPortOwner, HostPortRequest } from '../../../src/firewall/host-ports.ts';
import type { EndpointId } from '../../../src/model/ids.ts';
import { hasAskersAt, type PortRequest } from '../../../src/model/port.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';

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

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer().listen({ port, host, exclusive: true, ipv6Only: true });
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

  test.for([
    { held: undefined, wanted: undefined, on: '0.0.0.0' },
    { held: undefined, wanted: '127.0.0.1', on: '127.0.0.1' },
    { held: '127.0.0.1', wanted: undefined, on: '0.0.0.0' },
    { held: '127.0.0.1', wanted: '127.0.0.1', on: '127.0.0.1' },
    { held: '::1', wanted: '::', on: '::' },
  ])('is refused while $held has it and $wanted is asked for', async ({ held, wanted, on }) => {
    const ports = holder();
    await ports.reserve(owner('web'), asked(ipv4, [tcp(80, 8090, 8090, held)]));
    await expect(
      ports.reserve(owner('db'), asked(ipv4, [tcp(80, 8090, 8090, wanted)])),
    ).rejects.toMatchObject({
      code: 'conflict',
      message: `port 8090/tcp on ${on} is published by sandbox web`,
    });
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

  test('of another process is refused with its name and pid, for TCP and UDP', async () => {
    const ports = holder();
    await listen(8092, '127.0.0.1');
    const socket = createSocket('udp4').bind(8093, '127.0.0.1');
    onTestFinished(() => void socket.close());
    await once(socket, 'listening');
    const user = new RegExp(`on 0\\.0\\.0\\.0 is in use by .+ \\(pid ${process.pid}\\)$`);
    for (const request of [tcp(80, 8092), { ...tcp(80, 8093), protocol: 'udp' as const }]) {
      await expect(ports.reserve(owner('web'), asked(ipv4, [request]))).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(user),
      });
    }
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

test.for(['tcp', 'udp', 'sctp'] as const)(
  'an ephemeral %s port has one number on all addresses',
  async (protocol) => {
    const requests = Array.from({ length: 20 }, () => ({ protocol, port: 80 }));
    const held = await holder().reserve(owner('web'), asked(everywhere, requests));
    const numbers = held.map(({ hostPort }) => hostPort);
    expect(new Set(numbers).size).toBe(20);
    expect(numbers.filter((_, i) => i % 2 === 0)).toEqual(numbers.filter((_, i) => i % 2 === 1));
    expect(Math.min(...numbers)).toBeGreaterThan(1023);
  },
);

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
