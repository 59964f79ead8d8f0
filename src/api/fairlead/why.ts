// /why: the way of a packet, and what decides it.
import type { Routes } from '../route.ts';
import { anyText, flag, object, port, queryFlag, text } from '../schema.ts';
import { many } from './view-schema.ts';

const step = object({ passes: flag, text: anyText }, ['text']);
const probe = object({ answered: flag, agrees: flag, text: anyText }, ['text']);
const way = object(
  {
    address: anyText,
    passes: flag,
    steps: many(step),
    reason: anyText,
    change: anyText,
    note: anyText,
    probe,
  },
  ['address', 'steps'],
);
const protocol = { type: 'string', enum: ['tcp', 'udp', 'sctp', 'icmp'] };
const whyView = object({ from: anyText, to: anyText, protocol, port, passes: flag, ways: many(way) }, [
  'from',
  'to',
  'protocol',
  'passes',
  'ways',
]);

export const whyRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: { from: string; to: string; probe?: 'true' | 'false' } }>(
    '/why',
    {
      config: { summary: 'Follow a packet, FROM to TO[:PORT[/PROTOCOL]], and say what decides it' },
      schema: {
        querystring: object({ from: text, to: text, probe: queryFlag }, ['from', 'to']),
        response: { 200: whyView },
      },
    },
    async ({ query: { from, to, probe } }) => controller.why({ from, to, probe: probe === 'true' }),
  );
};
