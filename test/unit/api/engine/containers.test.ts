import { describe, expect, test } from 'vitest';
import { FakeController } from '../../../support/fake-controller.ts';
import { testApi } from '../../../support/test-api.ts';

async function engine() {
  const controller = new FakeController();
  const { server } = testApi(controller);
  await controller.createSandbox({ name: 'web', labels: { team: 'net' } });
  await controller.createNetwork({ name: 'lab' });
  await controller.run({
    name: 'job',
    networks: [{ network: 'lab', aliases: ['worker'] }],
    process: { pid: 42, command: ['sleep', '9'], directory: '/', environment: [] },
    autoRemove: true,
    detached: false,
    restart: 'no',
    terminal: false,
  });
  const ask = async (url: string) => {
    const answer = await server.inject(url);
    return { status: answer.statusCode, body: answer.json() };
  };
  return { controller, ask };
}

describe('a list', () => {
  test.each([
    ['', ['/job']],
    ['all=1', ['/job', '/web']],
    ['all=false', ['/job']],
    ['limit=5', ['/job', '/web']],
    ['limit=-1', ['/job']],
    ['filters={"status":["created"]}', ['/web']],
    ['all=true&filters={"label":{"team=net":true}}', ['/web']],
    ['all=true&filters={"name":["/web"]}', ['/web']],
    ['all=true&filters={"network":["lab"]}', ['/job']],
    ['all=true&filters={"id":["x"]}', []],
  ])('with %s has %j', async (query, names) => {
    const { body } = await (await engine()).ask(`/v1.40/containers/json?${encodeURI(query)}`);
    expect(body.map(({ Names }: { Names: string[] }) => Names[0]).sort()).toEqual(names);
  });

  test('shows where each is', async () => {
    const { ask, controller } = await engine();
    await controller.publish('job', [{ protocol: 'tcp', port: 80 }]);
    expect((await ask('/containers/json')).body).toMatchObject([
      {
        Id: controller.sandbox('job').id,
        Command: 'sleep 9',
        State: 'running',
        Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 32768, Type: 'tcp' }],
        HostConfig: { NetworkMode: 'lab' },
        NetworkSettings: { Networks: { lab: { NetworkID: controller.network('lab').id } } },
      },
    ]);
  });

  test.each([
    ['limit=many', 'limit: many is no whole number'],
    ['filters={"colour":["red"]}', 'unknown filter colour; known are id, label, name, network, status'],
  ])('with %s is refused', async (query, message) => {
    const answer = await (await engine()).ask(`/containers/json?${encodeURI(query)}`);
    expect(answer).toEqual({ status: 400, body: { message } });
  });
});

describe('a sandbox', () => {
  test('is inspected as a container', async () => {
    const { ask, controller } = await engine();
    const { id, endpoints } = controller.sandbox('job');
    const { body } = await ask(`/containers/${id.slice(0, 12)}/json`);
    expect(body).toMatchObject({
      Id: id,
      Name: '/job',
      Path: 'sleep',
      Args: ['9'],
      State: { Status: 'running', Running: true, Pid: 42, ExitCode: 0 },
      Config: { Hostname: 'job' },
      NetworkSettings: { SandboxKey: '/run/netns/job' },
    });
    expect(body.NetworkSettings.Networks.lab).toMatchObject({
      EndpointID: endpoints[0]?.id,
      Aliases: ['worker'],
      IPAddress: '10.209.3.2',
      IPPrefixLen: 24,
      GlobalIPv6Address: '',
      DNSNames: ['job', 'worker', id.slice(0, 12)],
    });
  });

  test('that has ended shows its status', async () => {
    const { ask, controller } = await engine();
    await controller.kill('job', 'KILL');
    expect((await ask('/containers/job/json')).body.State).toMatchObject({
      Status: 'exited',
      Running: false,
      Pid: 0,
      ExitCode: 137,
      StartedAt: controller.sandbox('job').createdAt,
      FinishedAt: controller.sandbox('job').process?.endedAt,
    });
    expect((await ask('/containers/json?all=1')).body).toContainEqual(
      expect.objectContaining({
        Names: ['/job'],
        Status: expect.stringMatching(/^Exited \(137\) .*second.* ago$/),
      }),
    );
  });

  test('without a process was never started', async () => {
    const never = '0001-01-01T00:00:00Z';
    expect((await (await engine()).ask('/containers/web/json')).body.State).toMatchObject({
      Status: 'created',
      StartedAt: never,
      FinishedAt: never,
    });
  });

  test.each([
    ['1.43', { GwPriority: false, DNSNames: false }],
    ['1.44', { GwPriority: false, DNSNames: true }],
    ['1.47', { GwPriority: false, DNSNames: true }],
    ['1.48', { GwPriority: true, DNSNames: true }],
  ])('in version %s shows the fields that version has: %j', async (version, fields) => {
    const { ask } = await engine();
    for (const path of ['containers/job/json', 'containers/json']) {
      const { body } = await ask(`/v${version}/${path}`);
      const { lab } = [body].flat()[0].NetworkSettings.Networks;
      for (const [field, isThere] of Object.entries(fields)) expect(field in lab).toBe(isThere);
    }
  });

  test('that is not there is refused', async () => {
    expect(await (await engine()).ask('/containers/absent/json')).toEqual({
      status: 404,
      body: { message: 'no sandbox absent' },
    });
  });
});
