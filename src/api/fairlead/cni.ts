// /cni: what the CNI plugin passes on; docs/cni.md says what runtimes may ask.
import type { CniBody } from '../../cni/protocol.ts';
import type { Routes } from '../route.ts';
import { cniBody } from './body-schema.ts';

/** The plugin reads configurations and results of at most 8 MiB each, and JSON escapes lengthen them. */
const bodyLimitBytes = 64 * 1024 * 1024;

export const cniRoutes: Routes = (app, { cni }) => {
  app.post<{ Body: CniBody }>(
    '/cni',
    {
      bodyLimit: bodyLimitBytes,
      config: { summary: 'Carry out an operation of the Container Network Interface, see docs/cni.md' },
      schema: { body: cniBody },
    },
    async ({ body }, reply) => {
      const { code, document } = await cni.answer(body);
      return reply.code(statusOf(code)).type('application/json').send(document);
    },
  );
};

/** The plugin asks no more than whether it is 200; the number that counts is in the document. */
function statusOf(code: number): number {
  if (code === 0) return 200;
  return code >= 11 ? 503 : 400;
}
