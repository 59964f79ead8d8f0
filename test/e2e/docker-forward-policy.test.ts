// Networks on a host where Docker came first: its tables then drop whatever is forwarded and no rule accepts.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DockerHost } from '../support/engines/docker-host.ts';
import {
  fromHost,
  fromSandbox,
  serveCommand,
  serveOnHost,
  whoAnswers,
  writeHostSite,
} from '../support/engines/web.ts';

let bed: DockerHost;
const containers = ['docked', 'first', 'second'] as const;

beforeAll(async () => {
  bed = await DockerHost.start({ dockerd: ['--experimental', '--ip6tables'] });
  const { host, docker } = bed;
  // Later ones make it themselves.
  await host.shell('ip6tables -N DOCKER-USER; ip6tables -I FORWARD -j DOCKER-USER');
  serveOnHost(bed.outside, 'outside');
  writeHostSite(host);
  await host.net('create', '--ipv6', 'lab');
  for (const [name, ...flags] of [['web', '-p', '8080:80'], ['asker']] as const) {
    await host.net('run', '-d', '--name', name, '--network', 'lab', ...flags, '--', ...serveCommand(name));
  }
  await bed.createNetwork('mixed');
  await docker.serve('docked');
  for (const name of ['first', 'second']) await docker.serve(name, '--network', 'mixed');
});
afterAll(() => bed?.[Symbol.asyncDispose]());

const tables = ['iptables', 'ip6tables'] as const;

async function rulesForUs(): Promise<readonly string[]> {
  const chains = tables.flatMap((table) => [`${table} -S DOCKER-USER`, `${table} -S FAIRLEAD-FORWARD`]);
  return (await bed.host.shell(chains.join('\n'))).split('\n');
}

async function expectTraffic(): Promise<void> {
  const { host, docker } = bed;
  const [asker, outside] = [fromSandbox(host, 'asker'), fromHost(bed.outside)];
  for (const [ask, where, server] of [
    [asker, 'web', 'web'],
    [asker, bed.outsideAddress, 'outside'],
    [asker, `[${bed.outsideAddress6}]`, 'outside'],
    [outside, `${bed.address}:8080`, 'web'],
    [outside, `[${bed.address6}]:8080`, 'web'],
    [docker.from('docked'), `${bed.address}:8080`, 'web'],
    [docker.from('docked'), bed.outsideAddress, 'outside'],
    [docker.from('first'), 'second', 'second'],
    [docker.from('first'), bed.outsideAddress, 'outside'],
  ] as const) {
    expect(await whoAnswers(ask, where)).toMatchObject({ server });
  }
  const docked = await docker.addressOf('docked', 'bridge');
  expect(await whoAnswers(fromHost(host), docked)).toMatchObject({ server: 'docked' });
  expect((await asker(docked)).stdout).toBe('');
  await bed.check();
}

test('their packets pass, and what Docker keeps apart stays so, whichever daemon is started anew', async () => {
  for (const table of tables) {
    expect(await bed.host.shell(`${table} -S FORWARD`)).toContain('-P FORWARD DROP');
  }
  await expectTraffic();
  const rules = await rulesForUs();
  await bed.docker.run('kill', ...containers);
  await bed.docker.stop();
  await bed.docker.start();
  await bed.docker.run('start', ...containers);
  await expectTraffic();
  expect(await rulesForUs()).toEqual(rules);
  await bed.netd.kill9();
  const outside = fromHost(bed.outside);
  expect(await whoAnswers(outside, `${bed.address}:8080`)).toMatchObject({ server: 'web' });
  bed.netd = await bed.host.netd();
  await expectTraffic();
  expect(await rulesForUs()).toEqual(rules);
});
