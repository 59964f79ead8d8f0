// The README's commands are run as written, and print what the README says; so are those of docs/docker.md.
import { expect, test } from 'vitest';
import { expectAsWritten, type RunCommand } from '../support/console-blocks.ts';
import { busyboxImage } from '../support/engines/busybox-image.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import { Podman } from '../support/engines/podman.ts';
import { TestHost } from '../support/test-host.ts';

test('the tour of the README', async () => {
  await using host = await TestHost.start('host');
  await host.netd();
  await expectAsWritten({ document: 'README.md', heading: '## Five-minute tour' }, (command) =>
    host.attempt(['bash', '-c', command]),
  );
  expect(await host.run(['ip', 'netns', 'list'])).toBe('');
  await host.net('check');
});

test('Docker, podman and a process on one network', async () => {
  await using place = await DockerHost.start();
  const { host, docker } = place;
  // Podman's own network needs plugins that are not in the one directory it is told of here.
  await host.shell('rm -f /etc/cni/net.d/87-podman-bridge.conflist');
  const podman = await Podman.start(host, place.groups);
  // What a machine with access to a registry would pull.
  for (const engine of [docker, podman])
    await engine.run('tag', busyboxImage, 'docker.io/library/busybox:latest');
  const run: RunCommand = (command) => podman.attemptWithin('bash', '-c', command);
  const heading = '## One network for Docker, CNI and plain processes';
  await expectAsWritten({ document: 'README.md', heading }, run);
  await expectAsWritten({ document: 'docs/docker.md', heading: '# A network plugin for dockerd' }, run);
  const tools = "# Docker's tools on Fairlead's networks";
  await expectAsWritten({ document: 'docs/docker.md', heading: tools }, run);
  await host.net('check');
});
