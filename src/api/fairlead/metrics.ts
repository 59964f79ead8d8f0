// /metrics: what every part of the daemon counts.
import type { Controller } from '../../core/requests.ts';
import type { Routes } from '../route.ts';
import { type MetricFamily, metricsText } from './metrics-text.ts';
import { nameMetrics } from './name-metrics.ts';

/** What each part of the daemon tells. */
const sources: readonly ((controller: Controller) => readonly MetricFamily[])[] = [
  (controller) => nameMetrics(controller.nameStatistics([])),
];

export const metricRoutes: Routes = (app, { controller }) => {
  app.get(
    '/metrics',
    { config: { summary: 'Counters and gauges, as Prometheus reads them', produces: 'text/plain' } },
    async (_, reply) =>
      reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .send(metricsText(sources.flatMap((tell) => tell(controller)))),
  );
};
