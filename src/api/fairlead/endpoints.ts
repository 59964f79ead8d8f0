// /endpoints: every attachment there is.
import type { Routes } from '../route.ts';
import { endpointView, many } from './view-schema.ts';

export const endpointRoutes: Routes = (app, { controller }) => {
  app.get(
    '/endpoints',
    { config: { summary: 'List endpoints' }, schema: { response: { 200: many(endpointView) } } },
    async () => controller.endpoints(),
  );
};
