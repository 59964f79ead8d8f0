// /cluster: this host's part in the cluster, and the others in it.
import type { Routes } from '../route.ts';
import { anyText, flag, object, wholeNumber } from '../schema.ts';
import { many } from './view-schema.ts';

const member = object({ id: anyText, name: anyText, address: anyText, alive: flag, self: flag }, [
  'id',
  'name',
  'address',
  'alive',
  'self',
]);
/** `renewedSecondsAgo` need not be whole. */
const lease = object({ id: anyText, ttlSeconds: wholeNumber, renewedSecondsAgo: { type: 'number' } }, [
  'id',
  'ttlSeconds',
  'renewedSecondsAgo',
]);

const clusterView = object(
  {
    state: { type: 'string', enum: ['alone', 'joined', 'away', 'fenced', 'refused'] },
    hostId: anyText,
    hostName: anyText,
    address: anyText,
    endpoints: many(anyText),
    prefix: anyText,
    members: many(member),
    lease,
    graceSeconds: wholeNumber,
    revision: object({ newest: wholeNumber, behindSeconds: wholeNumber }, ['newest', 'behindSeconds']),
    unpublished: wholeNumber,
    unusable: many(object({ network: anyText, reason: anyText }, ['network', 'reason'])),
    lastError: object({ at: anyText, message: anyText }, ['at', 'message']),
  },
  ['state', 'endpoints', 'members', 'unpublished', 'unusable'],
);

export const clusterRoutes: Routes = (app, { controller }) => {
  app.get(
    '/cluster',
    {
      config: { summary: "Show this host's part in the cluster, and the others in it" },
      schema: { response: { 200: clusterView } },
    },
    async () => controller.cluster(),
  );
};
