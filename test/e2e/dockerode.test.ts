// dockerode, a client library for the Docker Engine API, on networks of Fairlead, with several versions of the API.
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let host: TestHost;
/** The id of sandbox `box`. */
let box: string;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  box = await host.net('sandbox', 'create', 'box');
});

afterAll(() => host[Symbol.asyncDispose]());

/** Speaks to the netd in the host: a socket file is found through the mounts of its first process. */
function client(version?: string): Docker {
  const socketPath = `/proc/${host.pid}/root/run/fairlead/api.sock`;
  return new Docker(version === undefined ? { socketPath } : { socketPath, version });
}

async function refusal(
  work: Promise<unknown>,
): Promise<{ readonly statusCode: number; readonly json: unknown }> {
  return work.then(
    () => expect.unreachable('it was not refused'),
    ({ statusCode, json }) => ({ statusCode, json }),
  );
}

describe.each([undefined, 'v1.24', 'v1.41', 'v1.44', 'v1.51'])('dockerode with version %s', (version) => {
  test('creates, finds, lists and removes a network', async () => {
    const docker = client(version);
    const network = await docker.createNetwork({
      Name: 'lab',
      Driver: 'bridge',
      Labels: { made: 'here' },
      IPAM: { Config: [{ Subnet: '10.94.0.0/24', Gateway: '10.94.0.254' }] },
    });
    expect(await docker.getNetwork('lab').inspect()).toMatchObject({
      Id: network.id,
      Labels: { made: 'here' },
      IPAM: { Driver: 'default', Config: [{ Subnet: '10.94.0.0/24', Gateway: '10.94.0.254' }] },
      Containers: {},
    });
    const listed = await docker.listNetworks({ filters: { label: ['made=here'] } });
    expect(listed.map(({ Id }) => Id)).toEqual([network.id]);
    await network.remove();
    expect(await refusal(network.inspect())).toMatchObject({ statusCode: 404 });
  });

  test('connects and disconnects a sandbox', async () => {
    const docker = client(version);
    const network = await docker.createNetwork({
      Name: 'lab',
      IPAM: { Config: [{ Subnet: '10.94.0.0/24' }] },
    });
    const EndpointConfig = { Aliases: ['steady'], IPAMConfig: { IPv4Address: '10.94.0.9' } };
    await network.connect({ Container: 'box', EndpointConfig });
    const { Containers } = await network.inspect();
    expect(Containers).toMatchObject({ [box]: { Name: 'box', IPv4Address: '10.94.0.9/24' } });
    const { NetworkSettings } = await docker.getContainer('box').inspect();
    expect(NetworkSettings.Networks['lab']).toMatchObject({ NetworkID: network.id, IPAddress: '10.94.0.9' });
    expect(await refusal(network.remove())).toEqual({
      statusCode: 403,
      json: { message: expect.stringMatching(/lab.*box/) },
    });
    await network.disconnect({ Container: box, Force: true });
    await network.remove();
  });

  test('lists sandboxes where Docker has containers', async () => {
    const docker = client(version);
    expect(await docker.listContainers()).toEqual([]);
    const [listed] = await docker.listContainers({ all: true });
    expect(listed).toMatchObject({ Id: box, Names: ['/box'], State: 'created' });
  });

  test('reads ping, version and info', async () => {
    const docker = client(version);
    expect(String(await docker.ping())).toBe('OK');
    expect(await docker.version()).toMatchObject({ ApiVersion: '1.51', MinAPIVersion: '1.24', Os: 'linux' });
    expect(await docker.info()).toMatchObject({ Containers: 1, ContainersRunning: 0, OSType: 'linux' });
  });
});

describe('dockerode', () => {
  test('prunes networks by label', async () => {
    const docker = client();
    await docker.createNetwork({ Name: 'old', Labels: { stage: 'past' } });
    const pruned = await docker.pruneNetworks({ filters: { label: ['stage=past'] } });
    expect(pruned).toEqual({ NetworksDeleted: ['old'] });
  });

  test('hears events as JSON lines', async () => {
    const docker = client();
    const stream = await docker.getEvents({ filters: { type: ['network'], event: ['create'] } });
    let heard = '';
    stream.on('data', (chunk) => {
      heard += String(chunk);
    });
    // Headers came back, so the daemon listens.
    const network = await docker.createNetwork({ Name: 'loud' });
    await waitUntil('the event is told', () => heard.endsWith('\n'));
    expect(JSON.parse(heard)).toMatchObject({
      Type: 'network',
      Action: 'create',
      Actor: { ID: network.id, Attributes: { name: 'loud', type: 'bridge' } },
    });
    stream.removeAllListeners();
    (stream as unknown as { destroy(): void }).destroy();
    await network.remove();
  });

  test.each([
    ['v1.23', /client version 1\.23 is too old.*1\.24/],
    ['v1.52', /client version 1\.52 is too new.*1\.51/],
  ])('is refused with %s', async (version, message) => {
    expect(await refusal(client(version).listNetworks())).toEqual({
      statusCode: 400,
      json: { message: expect.stringMatching(message) },
    });
  });

  test('is told what Fairlead has not', async () => {
    expect(await refusal(client().createContainer({ Image: 'busybox' }))).toMatchObject({ statusCode: 501 });
  });
});
