import { describe, expect, test } from 'vitest';
import { containerAnswer, containerSummary, type Viewer } from '../../../../src/api/engine/container-view.ts';
import { durationText } from '../../../../src/api/engine/time.ts';
import type { SandboxId } from '../../../../src/model/ids.ts';
import type { SandboxNamespace } from '../../../../src/model/sandbox.ts';
import type { SandboxView } from '../../../../src/model/view.ts';

const viewer: Viewer = { find: () => undefined, speaks: () => true };

function sandbox(namespace: SandboxNamespace): SandboxView {
  return {
    id: 'a'.repeat(64) as SandboxId,
    name: 'theirs',
    createdAt: '2026-01-31T10:00:00.000Z',
    bootId: 'boot',
    namespace,
    hostname: 'theirs',
    dns: { servers: [], search: [], options: [] },
    extraHosts: [],
    labels: {},
    engine: {},
    autoRemove: true,
    status: 'created',
    endpoints: [],
  };
}

const path = '/var/run/docker/netns/1234';
const found = { kind: 'adopted', path, device: 4, inode: 5 } as const;

describe('a container of somebody else', () => {
  test.each([
    ['that has not been seen yet', { kind: 'awaited', expectedPath: path }, 0],
    ['that was found', found, 0],
    ['that was found by a process', { ...found, pid: 77, startTime: 1 }, 77],
  ] as const)('%s is running', (_, namespace, pid) => {
    const { State, NetworkSettings } = containerAnswer(sandbox(namespace), viewer);
    expect(State).toMatchObject({
      Status: 'running',
      Running: true,
      Pid: pid,
      StartedAt: '2026-01-31T10:00:00.000Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    });
    expect(NetworkSettings.SandboxKey).toBe(path);
    expect(containerSummary(sandbox(namespace), viewer)).toMatchObject({
      State: 'running',
      Status: expect.stringMatching(/^Up \d+/),
      Command: '',
    });
  });
});

describe('a span of time', () => {
  test.each([
    [0, 'Less than a second'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, '1 minute'],
    [3_599_000, '59 minutes'],
    [3_600_000, '1 hour'],
    [47 * 3_600_000, '47 hours'],
    [48 * 3_600_000, '2 days'],
    [14 * 86_400_000, '2 weeks'],
    [60 * 86_400_000, '2 months'],
    [730 * 86_400_000, '2 years'],
  ])('of %i ms is %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
