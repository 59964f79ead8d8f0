// An image for container engines, made on the spot from a static busybox: nothing is pulled, and it can serve and ask.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from '../test-host.ts';
import { serveCommand, urlOf, writeSite } from './web.ts';

export const busyboxImage = 'docker.io/library/busybox:test';

/** By these commands its containers serve and ask, see web.ts. */
export const serve = (name: string): readonly string[] => serveCommand(name, site);
export const ask = (where: string): readonly string[] => ['wget', '-q', '-O', '-', urlOf(where)];

const site = '/who';
const applets = ['cat', 'httpd', 'ip', 'mkdir', 'nc', 'sh', 'sleep', 'wget'];

/** Writes the image as an archive of docker's; returns its path in the host. */
export function writeBusyboxImage(host: TestHost): string {
  const folder = '/run/busybox-image';
  const outside = `/proc/${host.pid}/root${folder}`;
  if (existsSync(join(outside, 'image.tar'))) return `${folder}/image.tar`;
  writeRootFolder(join(outside, 'root'));
  const owner = ['--numeric-owner', '--owner=0', '--group=0'];
  execFileSync('tar', ['-C', join(outside, 'root'), ...owner, '-cf', join(outside, 'layer.tar'), '.']);
  const configuration = JSON.stringify({
    architecture: { x64: 'amd64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sleep', '100000'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(readFileSync(join(outside, 'layer.tar')))}`] },
    history: [{ created_by: 'busybox' }],
  });
  const configurationFile = `${sha256(configuration)}.json`;
  const manifest = [{ Config: configurationFile, RepoTags: [busyboxImage], Layers: ['layer.tar'] }];
  writeFileSync(join(outside, configurationFile), configuration);
  writeFileSync(join(outside, 'manifest.json'), JSON.stringify(manifest));
  const files = ['manifest.json', configurationFile, 'layer.tar'];
  execFileSync('tar', ['-C', outside, '-cf', join(outside, 'image.tar'), ...files]);
  return `${folder}/image.tar`;
}

function writeRootFolder(root: string): void {
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(root, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  writeSite(join(root, site));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
