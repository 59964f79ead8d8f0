// Fairlead's own API, under /fairlead/v1.
import type { FastifyInstance } from 'fastify';
import type { ApiContext, Routes } from '../route.ts';
import { checkRoutes } from './check.ts';
import { clusterRoutes } from './cluster.ts';
import { cniRoutes } from './cni.ts';
import { commandRoutes } from './command.ts';
import { dnsRoutes } from './dns.ts';
import { endpointRoutes } from './endpoints.ts';
import { eventRoutes } from './events.ts';
import { launchRoutes } from './launch.ts';
import { metricRoutes } from './metrics.ts';
import { networkRoutes } from './networks.ts';
import { openApiRoute } from './openapi.ts';
import { policyRoutes } from './policies.ts';
import { portRoutes } from './ports.ts';
import { sandboxRoutes } from './sandboxes.ts';
import { versionRoutes } from './version.ts';
import { whyRoutes } from './why.ts';

const routes: readonly Routes[] = [
  // First, because it hears of the routes added after it.
  openApiRoute,
  networkRoutes,
  sandboxRoutes,
  endpointRoutes,
  portRoutes,
  policyRoutes,
  launchRoutes,
  commandRoutes,
  cniRoutes,
  eventRoutes,
  clusterRoutes,
  dnsRoutes,
  metricRoutes,
  checkRoutes,
  whyRoutes,
  versionRoutes,
];

export function fairleadRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const add of routes) add(app, context);
}
