// The machine's own network as text, to compare it before and after the tests.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Variable every process of a test run inherits; its value is the run's own pid. */
export const runMarker = 'FAIRLEAD_TEST_RUN';

const folders = ['/run/fairlead', '/var/lib/fairlead', '/etc/fairlead', '/run/netns', '/etc/netns'];
const settings = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding', 'ipv4/conf/all/route_localnet'];

/** Everything a network daemon could change here, in a form that is equal when nothing was changed. */
export function describeMachine() {
  return {
    links: output('ip', ['-brief', 'link']),
    addresses: output('ip', ['-brief', 'address']),
    routes: output('ip', ['route', 'show', 'table', 'all']) + output('ip', ['rule']),
    rules: output('nft', ['--stateless', 'list', 'ruleset']),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').map(mountPoint).sort().join('\n'),
    folders: folders.map(contents).join('\n'),
    settings: settings.map((name) => `${name} ${read(`/proc/sys/net/${name}`)}`).join('\n'),
  };
}

/** Processes of this test run that are still there, apart from the caller. */
export function leftProcesses() {
  const mine = `${runMarker}=${process.env[runMarker]}`;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids
    .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(mine))
    .map((pid) => `process ${pid} (${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()})`);
}

function mountPoint(line) {
  const [, , , , place, , ...rest] = line.split(' ');
  return `${place} ${rest.slice(rest.indexOf('-') + 1).join(' ')}`;
}

function contents(folder) {
  return existsSync(folder) ? `${folder}: ${readdirSync(folder).sort().join(' ')}` : `${folder}: none`;
}

function output(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
