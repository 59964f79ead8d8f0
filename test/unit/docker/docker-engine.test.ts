// A container's namespace, from what Docker says of it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DockerApi } from '../../../src/docker/docker-api.ts';
import { DockerEngine, dockerSocketBeside } from '../../../src/docker/docker-engine.ts';
import { FakeDockerd } from '../../support/fake-dockerd.ts';

const id = 'c1'.padEnd(64, '0');
const ofThisProcess = `/proc/${process.pid}/ns/net`;

let directory: string;
let dockerd: FakeDockerd;
let engine: DockerEngine;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'docker-engine-'));
  const socket = dockerSocketBeside(join(directory, 'docker/plugins'));
  dockerd = await FakeDockerd.listen(socket);
  engine = new DockerEngine(new DockerApi(socket));
});

afterEach(async () => {
  await dockerd[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

test('the socket is found beside the directory of plugins', () => {
  expect(dockerSocketBeside('/run/docker/plugins')).toBe('/run/docker.sock');
});

test.each([
  ['name', 'web'],
  ['id', id],
])('a running container is found by its %s', async (_, ref) => {
  dockerd.containers = [{ id, name: 'web', pid: process.pid, networks: {} }];
  expect(await engine.namespaceOf(ref)).toEqual({ containerId: id, name: 'web', path: ofThisProcess });
});

test('a mount that leads elsewhere is not taken for the namespace', async () => {
  const sandboxKey = join(directory, 'key');
  writeFileSync(sandboxKey, '');
  dockerd.containers = [{ id, name: 'web', pid: process.pid, sandboxKey, networks: {} }];
  expect((await engine.namespaceOf('web')).path).toBe(ofThisProcess);
});

test('a container without a process, in the host network or unknown is refused', async () => {
  dockerd.containers = [
    { id, name: 'stopped', running: false, networks: {} },
    { id: 'c2', name: 'hosty', pid: 7, networkMode: 'host', networks: {} },
  ];
  await expect(engine.namespaceOf('stopped')).rejects.toMatchObject({ code: 'conflict' });
  await expect(engine.namespaceOf('hosty')).rejects.toMatchObject({
    code: 'conflict',
    message: "container hosty is in the host's network namespace",
  });
  await expect(engine.namespaceOf('nobody')).rejects.toMatchObject({ code: 'not_found' });
});

test.each(['', '..', '../../networks', 'a/json?x=', 'a b'])('%j is no container', async (ref) => {
  await expect(engine.namespaceOf(ref)).rejects.toMatchObject({ code: 'not_found' });
  expect(dockerd.asked).toEqual([]);
});

test('without Docker there are no containers to be had', async () => {
  const absent = new DockerEngine(new DockerApi(join(directory, 'absent.sock')));
  await expect(absent.namespaceOf('web')).rejects.toMatchObject({ code: 'unavailable' });
});
