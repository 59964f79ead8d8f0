// The README's tour is run as written, and prints what the README says.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { busyboxImage } from '../support/engines/busybox-image.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import { Podman } from '../support/engines/podman.ts';
import type { CommandResult } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';

const path = new URL('../../README.md', import.meta.url).pathname;

/** With this variable set, the README's outputs are replaced by what the commands print now. */
const update = process.env['FAIRLEAD_UPDATE_README'] !== undefined;

test('the commands of the tour print what the README shows', async () => {
  await using host = await TestHost.start('host');
  await host.netd();
  await expectAsWritten((command) => host.attempt(['bash', '-c', command]), '## Five-minute tour');
  expect(await host.run(['ip', 'netns', 'list'])).toBe('');
  await host.net('check');
});

test('Docker, podman and a process meet on one network as the README shows', async () => {
  await using place = await DockerHost.start();
  const { host, docker } = place;
  // Podman's own network needs plugins that are not in the one directory it is told of here.
  await host.shell('rm -f /etc/cni/net.d/87-podman-bridge.conflist');
  const podman = await Podman.start(host, place.groups);
  // What a machine with access to a registry would pull.
  for (const engine of [docker, podman])
    await engine.run('tag', busyboxImage, 'docker.io/library/busybox:latest');
  const run: Run = (command) => podman.attemptWithin('bash', '-c', command);
  await expectAsWritten(run, '## One network for Docker, CNI and plain processes');
  await host.net('check');
});

type Run = (command: string) => Promise<CommandResult>;

/** Runs the console blocks of one section, which must print what stands there. */
async function expectAsWritten(run: Run, heading: string): Promise<void> {
  const readme = readFileSync(path, 'utf8');
  const start = readme.indexOf(heading);
  const end = readme.indexOf('\n## ', start + 1);
  expect(start).toBeGreaterThan(0);
  const written = readme.slice(start, end);
  const seen = await rerun(run, written);
  if (update) writeFileSync(path, readme.slice(0, start) + seen + readme.slice(end));
  else expect(normalize(seen)).toBe(normalize(written));
}

/** The text with every console block's commands run in order, and what they print in place of what stood there. */
async function rerun(run: Run, text: string): Promise<string> {
  const parts = text.split(/(```console\n[\s\S]*?```\n)/);
  const out: string[] = [];
  for (const part of parts) out.push(part.startsWith('```console') ? await rerunBlock(run, part) : part);
  return out.join('');
}

async function rerunBlock(run: Run, block: string): Promise<string> {
  const lines = ['```console'];
  for (const prompt of block.split('\n').filter((line) => line.startsWith('# '))) {
    const { status, stdout, stderr } = await run(prompt.slice(2));
    const printed = `${stdout}${stderr}`.trimEnd();
    lines.push(prompt);
    if (printed !== '') lines.push(...printed.split('\n').map((line) => line.trimEnd()));
    if (status !== 0) lines.push(`[exit status ${status}]`);
  }
  return [...lines, '```', ''].join('\n');
}

/** Ids, process ids and ages differ from run to run; columns are as wide as what is in them. */
function normalize(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, 'ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\bfl-[0-9a-f]{10}\b/g, 'fl-ID')
    .replace(/\b\d+ (seconds?|minutes?) ago\b/g, 'AGE')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/@if\d+/g, '@if')
    .replace(/ {2,}/g, '  ');
}
