// The place a plan makes for a command: what the command sees of it, and that nobody else does.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FakeNetd } from '../support/fake-netd.ts';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;
let netd: FakeNetd;

beforeAll(async () => {
  host = await TestHost.start('outside');
  await host.shell('ip netns add box && ip -n box link add inner0 type bridge');
});
afterAll(() => host[Symbol.asyncDispose]());
beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(() => netd[Symbol.asyncDispose]());

/** Runs a shell script by a plan with these fields besides; returns what it printed. */
async function inside(script: string, ...fields: readonly string[]): Promise<string> {
  netd.plan(...fields, 'arg=sh', 'arg=-ec', `arg=${script}`);
  return await host.run(['net', '-H', netd.host, 'run', 'x']);
}

/** A file with this content, as netd would write one for a sandbox. */
function file(name: string, content: string): string {
  const path = join(netd.folder, name);
  writeFileSync(path, content);
  return path;
}

test('it is in the network namespace', async () => {
  expect(await inside('cat /proc/net/dev', 'netns=/run/netns/box')).toContain('inner0:');
});

test('/sys shows the network namespace its own interfaces, and keeps what is mounted below', async () => {
  await host.shell(
    'mkdir -p /sys/fs/cgroup; mount -t tmpfs cgroups /sys/fs/cgroup; mkdir /sys/fs/cgroup/nested; mount -t tmpfs deep /sys/fs/cgroup/nested; touch /sys/fs/cgroup/nested/deep',
  );
  const seen = await inside('ls /sys/class/net; ls /sys/fs/cgroup/nested', 'netns=/run/netns/box', 'sysfs=1');
  expect(seen).toBe('inner0\nlo\ndeep');
  expect(await host.shell('ls /sys/class/net')).toBe('lo');
  await host.shell('umount -R /sys/fs/cgroup');
});

test('a /sys that may only be read stays so', async () => {
  await using other = await TestHost.start();
  await other.shell('mount -o remount,bind,ro /sys && ip netns add box');
  netd.plan('netns=/run/netns/box', 'sysfs=1', 'arg=findmnt', 'arg=-no', 'arg=OPTIONS', 'arg=/sys');
  const options = await other.run(['net', '-H', netd.host, 'run', 'x']);
  expect(options.split('\n').at(-1)).toMatch(/^ro,/);
});

test('files are bound for it alone', async () => {
  const hosts = await host.shell('cat /etc/hosts');
  const seen = await inside(
    'cat /etc/hosts /etc/hostname',
    `bind=${file('hosts', 'own hosts\n')}\n/etc/hosts`,
    `bind=${file('hostname', 'own name\n')}\n/etc/hostname`,
  );
  expect(seen).toBe('own hosts\nown name');
  expect(await host.shell('cat /etc/hosts')).toBe(hosts);
});

test('a file is bound where a link leads', async () => {
  await host.shell(
    'mkdir -p /run/stub /etc/linked && echo stub >/run/stub/resolv.conf && ln -s ../../run/stub/resolv.conf /etc/linked/',
  );
  const seen = await inside(
    'cat /etc/linked/resolv.conf',
    `bind=${file('resolv', 'own\n')}\n/etc/linked/resolv.conf`,
  );
  expect(seen).toBe('own');
  expect(await host.shell('cat /run/stub/resolv.conf')).toBe('stub');
});

test('a file is bound where there was none, which leaves an empty one', async () => {
  await host.shell('ln -s /run/made /etc/dangling');
  expect(await inside('cat /etc/dangling', `bind=${file('new', 'own\n')}\n/etc/dangling`)).toBe('own');
  expect(await host.shell('cat /run/made')).toBe('');
});

test('a file that can be nowhere is left out', async () => {
  expect(await inside('echo went on', `bind=${file('new', 'own\n')}\n/no/such/folder/file`)).toBe('went on');
});

test('a bound file is seen as it is rewritten', async () => {
  const path = file('hosts', 'before\n');
  expect(await inside(`echo after >${path}; cat /etc/hosts`, `bind=${path}\n/etc/hosts`)).toBe('after');
});

test('it has the host name, and the host keeps its own', async () => {
  expect(await inside('hostname', 'hostname=web-1')).toBe('web-1');
  expect(await host.run(['hostname'])).toBe('outside');
});

test('nothing it mounts is seen outside', async () => {
  const before = await host.state();
  await inside('mount -t tmpfs inside /mnt', 'netns=/run/netns/box', 'sysfs=1');
  expect(await host.state()).toEqual(before);
});

test.each(['private', 'shared'])(
  'a namespace that is removed while it runs is not kept by it, on a host whose mounts are %s',
  async (propagation) => {
    await using other = await TestHost.start();
    await other.shell(
      `mount --make-r${propagation} /; ip netns add box; ip netns add other; ip netns exec other true`,
    );
    await other.shell(
      'ip -n other link add name gone0 type veth peer name gone1 netns 1 && ip link show gone1',
    );
    netd.plan('netns=/run/netns/box', 'sysfs=1', 'arg=sh', 'arg=-c', 'arg=echo up; exec sleep 1000');
    const running = other.spawn(['net', '-H', netd.host, 'run', 'x']);
    await running.line(/up/);
    await other.shell(
      'ip netns delete other; while ip link show gone1; do read -rt 0.02 <> <(:) || true; done 2>&1',
    );
    expect(await other.shell('ls /sys/class/net')).toBe('lo');
    expect(running.hasEnded).toBe(false);
    await running.end('SIGTERM');
  },
);

test('without anything to make, no namespace is made', async () => {
  const names = 'readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/uts';
  expect(await inside(names)).toBe(await host.shell(names));
});

test('it runs as the user, with the groups that were named and no others', async () => {
  const ids = 'id -u; id -g; id -G; grep CapEff /proc/self/status';
  expect(await inside(ids, 'uid=1234', 'gid=2345', 'groups=7,8')).toMatch(
    /^1234\n2345\n2345 7 8\nCapEff:\t0+$/,
  );
  expect(await inside('id -G', 'uid=1234', 'gid=2345', 'groups=')).toBe('2345');
});

test('the namespaces are entered before the user changes', async () => {
  const seen = await inside(
    'id -u; hostname; cat /etc/hosts; ls /sys/class/net',
    'uid=1234',
    'gid=1234',
    'hostname=web',
    'netns=/run/netns/box',
    'sysfs=1',
    `bind=${file('hosts', 'own\n')}\n/etc/hosts`,
  );
  expect(seen).toBe('1234\nweb\nown\ninner0\nlo');
});

test('a user who may not be in the directory is told so', async () => {
  await host.shell('mkdir -m 700 -p /etc/closed');
  netd.plan('directory=/etc/closed', 'uid=1234', 'gid=1234', 'arg=true');
  const { status, stderr } = await host.attempt(['net', '-H', netd.host, 'run', 'x']);
  expect({ status, stderr }).toEqual({
    status: 125,
    stderr: 'net: cannot change to directory /etc/closed: Permission denied\n',
  });
});

test('it starts in the directory', async () => {
  expect(await inside('pwd', 'directory=/var/lib', 'netns=/run/netns/box', 'sysfs=1')).toBe('/var/lib');
});

test("its environment is the caller's with the changes", async () => {
  netd.plan(
    'env=COLOR=red',
    'env=EMPTY=',
    'env=ODD=a=b\nc',
    'arg=sh',
    'arg=-c',
    'arg=echo "$KEPT|$COLOR|$EMPTY|$ODD"',
  );
  const env = { KEPT: 'kept', COLOR: 'blue', EMPTY: 'full' };
  expect((await host.attempt(['net', '-H', netd.host, 'run', 'x'], { env })).stdout).toBe(
    'kept|red||a=b\nc\n',
  );
});

test('the command is looked for on the PATH the plan sets', async () => {
  await host.shell(
    'mkdir -p /run/tools && printf "#!/bin/sh\necho found\n" >/run/tools/my-tool && chmod 755 /run/tools/my-tool',
  );
  netd.plan('env=PATH=/run/tools', 'arg=my-tool');
  expect((await host.attempt(['net', '-H', netd.host, 'run', 'x'])).stdout).toBe('found\n');
});
