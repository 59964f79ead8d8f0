// A web server that says who it is and who asks, in every kind of container and on the host, and the asking for it.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIp } from '../../../src/base/cidr.ts';
import type { HostProcess } from '../host-process.ts';
import type { Answer } from '../peers.ts';
import type { TestHost } from '../test-host.ts';
import { waitUntil } from '../wait-until.ts';

/** Asks a server once, by the address or name given; what was printed is empty when nobody answers. */
export type Ask = (where: string) => Promise<{ readonly stdout: string; readonly stderr: string }>;

const path = 'cgi-bin/who';
const hostFolder = '/run/who';

export function urlOf(where: string): string {
  return `http://${where}/${path}`;
}

/** The command of a server; its site is where `writeSite` put it. */
export function serveCommand(name: string, site = hostFolder, port = 80): readonly string[] {
  const serve = 'NAME=$0 exec busybox httpd -f -p "$1" -h "$2"';
  return ['sh', '-c', serve, name, String(port), site];
}

export function writeSite(folder: string): void {
  mkdirSync(join(folder, 'cgi-bin'), { recursive: true });
  writeFileSync(join(folder, path), '#!/bin/sh\necho\necho "$NAME $REMOTE_ADDR"\n');
  chmodSync(join(folder, path), 0o755);
}

/** Runs a server as a plain process of a host. */
export function serveOnHost(host: TestHost, name: string, port = 80): HostProcess {
  writeHostSite(host);
  return host.spawn(serveCommand(name, hostFolder, port));
}

/** Lets `net run` of this host run servers. */
export function writeHostSite(host: TestHost): void {
  writeSite(`/proc/${host.pid}/root${hostFolder}`);
}

/** The host's own way of asking. */
export function fromHost(host: TestHost): Ask {
  return (where) => host.attempt(['curl', '--silent', '--max-time', '2', urlOf(where)]);
}

/** A process's way, in a sandbox. */
export function fromSandbox(host: TestHost, sandbox: string): Ask {
  return (where) => host.tryNet('exec', sandbox, '--', 'curl', '--silent', '--max-time', '2', urlOf(where));
}

/** Asks until the server has started and answers. */
export async function whoAnswers(ask: Ask, where: string): Promise<Answer> {
  const answered = async () => {
    const { stdout, stderr } = await ask(where);
    if (stdout.trim() === '') throw new Error(stderr.trim());
    return stdout.trim();
  };
  const text = await waitUntil(`${where} answers`, answered, { timeoutMs: 30_000, intervalMs: 100 });
  const [server = '', asker = ''] = text.split(' ');
  return { server, asker: parseIp(asker.replace(/^\[|\]$/g, ''), 'asker') };
}
