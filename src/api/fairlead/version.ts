// /version: which daemon this is.
import type { VersionView } from '../../model/wire.ts';
import type { Routes } from '../route.ts';
import { versionView } from './view-schema.ts';

const apiVersion = '1';

export const versionRoutes: Routes = (app, { version }) => {
  app.get(
    '/version',
    { config: { summary: 'Version of the daemon' }, schema: { response: { 200: versionView } } },
    async (): Promise<VersionView> => ({ version, apiVersion }),
  );
};
