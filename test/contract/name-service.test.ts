// The resolver written in TypeScript, in network namespaces made for the purpose, asked by dig.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe } from 'vitest';
import { createNameService } from '../../src/dns/engine.ts';
import { PinnedNamespaces } from '../kernel/dns/pinned-namespaces.ts';
import { nameServiceContract, type ServedNames } from './name-service.ts';

async function serve(): Promise<ServedNames> {
  const namespaces = new PinnedNamespaces();
  const resolvConf = join(namespaces.directory, 'resolv.conf');
  await writeFile(resolvConf, '');
  const names = createNameService({ log: pino({ level: 'silent' }), resolvConf });
  return {
    names,
    namespace: (label) => namespaces.create(label),
    ask: async (path, name) => {
      const { status, answers } = await namespaces.dig(path, [name, 'A']);
      return status === 'NOERROR' ? answers.map((line) => line.split(/\s+/).at(-1) ?? '') : status;
    },
    async [Symbol.asyncDispose]() {
      await names.shutdown();
      await rm(resolvConf);
      await namespaces[Symbol.asyncDispose]();
    },
  };
}

/** Mounting pins and binding port 53 need it. */
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('the engine in TypeScript', () => nameServiceContract(serve));
