// /why: the way of a packet, and what decides it.
import type { WhyRequest } from '../../model/why.ts';
import type { Routes } from '../route.ts';
import { anyText, flag, object, port, text } from '../schema.ts';
import { many } from './view-schema.ts';

const step = object({ passes: flag, text: anyText }, ['text']);
const way = object({ address: anyText, passes: flag, steps: many(step), reason: anyText, change: anyText }, [
  'address',
  'steps',
]);
const protocol = { type: 'string', enum: ['tcp', 'udp', 'sctp', 'icmp'] };
const whyView = object({ from: anyText, to: anyText, protocol, port, passes: flag, ways: many(way) }, [
  'from',
  'to',
  'protocol',
  'passes',
  'ways',
]);

export const whyRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: WhyRequest }>(
    '/why',
    {
      config: { summary: 'Follow a packet, FROM to TO[:PORT[/PROTOCOL]], and say what decides it' },
      schema: { querystring: object({ from: text, to: text }, ['from', 'to']), response: { 200: whyView } },
    },
    async ({ query }) => controller.why(query),
  );
};
