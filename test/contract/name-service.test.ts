// The resolver written in TypeScript, in network namespaces made for the purpose and on a bridge beside them, asked by dig.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe } from 'vitest';
import { createNameService } from '../../src/dns/engine.ts';
import { EngineResolver } from '../kernel/dns/engine-resolver.ts';
import { hostNamespace, PinnedNamespaces } from '../kernel/dns/pinned-namespaces.ts';
import { PodBridge } from '../kernel/dns/pod-bridge.ts';
import { requireOwnNetwork } from '../support/own-network.ts';
import { truthful } from '../unit/dns/fake-upstream.ts';
import { nameServiceContract, type ServedNames } from './name-service.ts';

async function serve(): Promise<ServedNames> {
  const namespaces = new PinnedNamespaces();
  const resolvConf = join(namespaces.directory, 'resolv.conf');
  await writeFile(resolvConf, '');
  const engines: EngineResolver[] = [];
  const bridge = new PodBridge('ct-names', ['10.67.0.1/24']);
  const names = createNameService({ log: pino({ level: 'silent' }), resolvConf });
  return {
    names,
    namespace: (label) => namespaces.create(label),
    container: async (label) => {
      const path = await namespaces.create(label);
      const engine = await EngineResolver.start(path, truthful(7));
      engine.addRules('nft');
      engines.push(engine);
      return path;
    },
    pod: async (address) => {
      const path = await namespaces.create(address);
      bridge.plug(path, 'eth0', [`${address}/24`]);
      return path;
    },
    host: hostNamespace,
    ask: async (path, name, server) => {
      const { status, answers } = await namespaces.dig(path, [name, 'A'], server);
      return status === 'NOERROR' ? answers.map((line) => line.split(/\s+/).at(-1) ?? '') : status;
    },
    async [Symbol.asyncDispose]() {
      await names.shutdown();
      for (const engine of engines) await engine[Symbol.asyncDispose]();
      bridge[Symbol.dispose]();
      await rm(resolvConf);
      await namespaces[Symbol.asyncDispose]();
    },
  };
}

/** Mounting pins and binding port 53 need it. */
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('the engine in TypeScript', () => {
  beforeAll(requireOwnNetwork);
  nameServiceContract(serve);
});
