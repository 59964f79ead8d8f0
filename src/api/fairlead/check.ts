// /check: records against the kernel.
import type { Routes } from '../route.ts';
import { checkResult } from './view-schema.ts';

export const checkRoutes: Routes = (app, { controller }) => {
  app.get(
    '/check',
    {
      config: { summary: 'Compare the kernel with the records' },
      schema: { response: { 200: checkResult } },
    },
    async () => controller.check({ fix: false }),
  );

  app.post(
    '/check',
    {
      config: { summary: 'Bring the kernel back to the records' },
      schema: { response: { 200: checkResult } },
    },
    async () => controller.check({ fix: true }),
  );
};
