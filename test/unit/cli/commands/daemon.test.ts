import { describe, expect, test } from 'vitest';
import { parseTime } from '../../../../src/cli/commands/events.ts';
import { drawMermaid, drawText } from '../../../../src/cli/commands/graph.ts';
import { FakeController } from '../../../support/fake-controller.ts';
import { testCli } from '../../../support/test-cli.ts';

describe('net events', () => {
  test('prints kept events, then new ones, until the reader has enough', async () => {
    const { netIn, controller } = await testCli();
    const { id } = await controller.createNetwork({ name: 'lab' });
    const lines: string[] = [];
    const enough = new Error('enough');
    const write = async (data: string | Uint8Array) => {
      lines.push(String(data));
      if (lines.length === 1) await controller.createSandbox({ name: 'web' });
      if (lines.length === 2) throw enough;
    };
    await expect(netIn({ write }, 'events', '--since', '1h')).rejects.toBe(enough);
    expect(lines[0]).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z network create ${id.slice(0, 12)} \\(name=lab, driver=bridge\\)\n$`,
      ),
    );
    expect(lines[1]).toContain('sandbox create');
  });

  test('prints json lines of what a filter selects', async () => {
    const { netIn, controller } = await testCli();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    const lines: string[] = [];
    const write = async (data: string | Uint8Array) => {
      lines.push(String(data));
      throw new Error('enough');
    };
    const args = ['events', '--since', '0', '--filter', 'type=sandbox', '--format', 'json'];
    await expect(netIn({ write }, ...args)).rejects.toThrow('enough');
    expect(JSON.parse(lines.join(''))).toMatchObject({ type: 'sandbox', attributes: { name: 'web' } });
  });

  test.each([
    ['10m', 400_000],
    ['1m40s', 900_000],
    ['900', 900_000],
    ['900.5', 900_500],
    ['1970-01-01T00:15:00Z', 900_000],
  ])('since %s is understood', (word, time) => {
    expect(parseTime(word, 1_000_000)).toBe(time);
  });

  test('a time that is none is wrong usage', async () => {
    const { net } = await testCli();
    expect(await net('events', '--since', 'yesterday')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--since yesterday: 10m, a date'),
    });
  });
});

test('net check prints differences and fails while any is left', async () => {
  const { net, controller } = await testCli();
  expect(await net('check')).toEqual({ status: 0, stdout: '', stderr: '' });
  controller.differences.push({ object: 'bridge fl-1', problem: 'is down' });
  expect(await net('check')).toEqual({ status: 1, stdout: 'bridge fl-1: is down\n', stderr: '' });
  controller.differences.push({ object: 'port 80/tcp', problem: 'is taken', stubborn: true });
  expect(await net('check', '--fix')).toEqual({
    status: 1,
    stdout: 'bridge fl-1: is down (repaired)\nport 80/tcp: is taken\n',
    stderr: '',
  });
  controller.differences.length = 0;
  expect((await net('check', '--fix')).status).toBe(0);
  controller.notes.push({ object: 'nft chain inet guard forward', problem: 'drops' });
  expect(await net('check')).toMatchObject({
    status: 0,
    stdout: 'note: nft chain inet guard forward: drops\n',
  });
});

describe('net graph', () => {
  async function topology() {
    const controller = new FakeController();
    await controller.createNetwork({ name: 'lab' });
    await controller.createNetwork({ name: 'dmz', internal: true });
    for (const name of ['web', 'db', 'idle']) await controller.createSandbox({ name });
    await controller.connect({
      network: 'lab',
      target: 'web',
      ports: [{ port: 80, protocol: 'tcp', hostPort: { first: 8080, last: 8080 } }],
    });
    await controller.connect({ network: 'lab', target: 'db' });
    await controller.connect({ network: 'dmz', target: 'web' });
    return controller;
  }

  test('draws a tree', async () => {
    const controller = await topology();
    expect(drawText({ networks: controller.networks(), sandboxes: controller.sandboxes() })).toBe(
      `lab (bridge, 10.209.3.0/24)
├─ web eth0 10.209.3.2/24
│    80/tcp <- 0.0.0.0:8080
└─ db eth0 10.209.3.3/24

dmz (bridge, 10.209.4.0/24, internal)
└─ web eth1 10.209.4.2/24

on no network
└─ idle
`,
    );
  });

  test('draws a flowchart whose edges lead to nodes that are there', async () => {
    const controller = await topology();
    const chart = drawMermaid({ networks: controller.networks(), sandboxes: controller.sandboxes() });
    expect(chart).toContain('(["lab (bridge, 10.209.3.0/24)"])');
    const nodes = [...chart.matchAll(/^ {2}(\w+)[[(]/gm)].map((match) => match[1]);
    const ends = [...chart.matchAll(/ {2}(n_\w+) --- .*(s_\w+)$/gm)].flatMap((match) => [match[1], match[2]]);
    expect(ends).toHaveLength(6);
    expect(nodes).toEqual(expect.arrayContaining(ends));
    expect(chart).toContain('>"0.0.0.0:8080/tcp"] --> |80| ');
  });

  test('is printed in the format asked for', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'lab' });
    expect((await net('graph')).stdout).toContain('lab (bridge');
    expect((await net('graph', '--format', 'mermaid')).stdout).toMatch(/^graph LR\n/);
    expect(await net('graph', '--format', 'dot')).toMatchObject({ status: 2 });
  });
});

test('net version tells both versions', async () => {
  const { net } = await testCli();
  expect((await net('version')).stdout).toBe('Client: 1.2.3\nServer: 1.2.3 (API 1)\n');
  expect(JSON.parse((await net('version', '--format', 'json')).stdout)).toEqual({
    client: { version: '1.2.3' },
    server: { version: '1.2.3', apiVersion: '1' },
  });
});
