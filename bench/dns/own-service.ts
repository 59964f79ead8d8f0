// The name service in this very process, with a namespace where it is asked, and names on one network: for programs of ../inside.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import type { IpAddress } from '../../src/base/cidr.ts';
import { createLog } from '../../src/base/log.ts';
import { createNameService } from '../../src/dns/engine.ts';
import type { NameService } from '../../src/dns/name-service.ts';
import { createPinnedNamespace } from '../../src/kernel/netns.ts';
import { openSocketKeeper } from '../../src/kernel/socket-keeper.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import { resolverAddress } from '../../src/model/name-entry.ts';
import { namePrefix } from './names.ts';
import { inside } from './server.ts';
import { readSteady, steadyQuestions } from './steady.ts';

const networkId = 'b'.repeat(64) as NetworkId;

/** As netd starts it. Nothing outside is touched. */
export async function startService(): Promise<NameService> {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  mkdirSync('/run/netns');
  const log = createLog('error', 'text');
  const keeper = await openSocketKeeper({ path: '/run/keeper.sock', log });
  return createNameService({ log, keeper, resolvConf: '/nowhere' });
}

/** Makes a namespace where `ip netns exec` finds it. */
export async function makeNamespace(name: string): Promise<string> {
  const path = `/run/netns/${name}`;
  await createPinnedNamespace(path, { disableIpv6: false });
  return path;
}

/** Opens a resolver that knows the network's names. */
export async function openResolver(names: NameService, sandbox: string, path: string): Promise<void> {
  const sandboxId = sandbox as SandboxId;
  names.setView({ sandboxId, networks: [networkId], links: [], forwarding: 'none', namespacePath: path });
  await names.open(sandboxId, path);
}

/** The names of one endpoint, as those of a sandbox with an alias are; `generation` tells its addresses apart. */
export function putName(names: NameService, number: number, generation = 0): void {
  names.put({
    endpointId: String(number).padStart(64, '0') as EndpointId,
    networkId,
    networkName: 'lab',
    sandboxId: `sandbox${number}` as SandboxId,
    names: [`${namePrefix}${number}`, number.toString(16).padStart(12, '0'), `alias${number}`],
    addresses: [addressOf(number, generation)],
    services: [],
  });
}

export function addressOf(number: number, generation: number): IpAddress {
  return `10.${generation % 256}.${number >> 8}.${number % 256}` as IpAddress;
}

/** Asks at a steady pace from the namespace that has this name in `inside`. */
export async function askSteadily(program: string, nameCount: number): Promise<readonly number[]> {
  const [command = '', ...words] = inside(steadyQuestions(program, resolverAddress, nameCount));
  const { stdout } = await promisify(execFile)(command, words, { maxBuffer: 1 << 20 });
  return readSteady(stdout);
}
