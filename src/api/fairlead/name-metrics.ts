// What the resolver counts, as metrics.
import type { AskerStatistics, NameStatisticsView } from '../../model/name-statistics.ts';
import type { MetricFamily } from './metrics-text.ts';

const results = [
  ['answered', 'answered'],
  ['no_data', 'noData'],
  ['no_name', 'noName'],
  ['cached', 'cached'],
  ['forwarded', 'forwarded'],
  ['failed', 'failed'],
  ['refused', 'refused'],
] as const satisfies readonly (readonly [string, keyof AskerStatistics])[];

export function nameMetrics(statistics: NameStatisticsView): readonly MetricFamily[] {
  return [...countersOf(statistics), ...upstreamMetrics(statistics), ...gaugesOf(statistics)];
}

function countersOf(statistics: NameStatisticsView): readonly MetricFamily[] {
  const { askers, networks, malformed, overflowed } = statistics;
  return [
    {
      name: 'fairlead_dns_questions_total',
      help: 'Questions of a sandbox, by what became of them.',
      type: 'counter',
      samples: askers.flatMap((asker) =>
        results.map(([result, field]) => {
          return { labels: { sandbox: asker.sandboxName, result }, value: asker[field] };
        }),
      ),
    },
    {
      name: 'fairlead_dns_network_answers_total',
      help: 'Questions answered with names of a network.',
      type: 'counter',
      samples: networks.map(({ networkName, answered }) => {
        return { labels: { network: networkName }, value: answered };
      }),
    },
    total('fairlead_dns_malformed_total', 'Messages that were no proper question.', malformed),
    total(
      'fairlead_dns_overflowed_total',
      'Questions that failed because too many waited for an answer from elsewhere.',
      overflowed,
    ),
  ];
}

function upstreamMetrics({ upstreams }: NameStatisticsView): readonly MetricFamily[] {
  const labelled = upstreams.map((upstream) => {
    const { address, sandboxName } = upstream;
    return { ...upstream, labels: { upstream: address, ...(sandboxName && { sandbox: sandboxName }) } };
  });
  return [
    {
      name: 'fairlead_dns_upstream_questions_total',
      help: 'Questions an upstream was asked, by what became of them.',
      type: 'counter',
      samples: labelled.flatMap(({ labels, replied, failed }) => [
        { labels: { ...labels, result: 'replied' }, value: replied },
        { labels: { ...labels, result: 'failed' }, value: failed },
      ]),
    },
    {
      name: 'fairlead_dns_upstream_rtt_seconds',
      help: 'How long an upstream takes to reply, smoothed.',
      type: 'gauge',
      samples: labelled.flatMap(({ labels, rttMs }) =>
        rttMs === undefined ? [] : [{ labels, value: rttMs / 1000 }],
      ),
    },
    {
      name: 'fairlead_dns_upstream_failing',
      help: 'Whether an upstream fails (1) or works (0).',
      type: 'gauge',
      samples: labelled.map(({ labels, isFailing }) => ({ labels, value: Number(isFailing) })),
    },
  ];
}

function gaugesOf({ cache, connections }: NameStatisticsView): readonly MetricFamily[] {
  return [
    gauge('fairlead_dns_cache_entries', 'Replies of upstreams that are kept.', cache.entries),
    gauge('fairlead_dns_cache_bytes', 'What they take.', cache.bytes),
    total('fairlead_dns_cache_hits_total', 'Questions answered with them.', cache.hits),
    total('fairlead_dns_cache_stale_hits_total', 'Of these, with one past its time.', cache.stale),
    gauge('fairlead_dns_connections', 'Connections over TCP that are open.', connections),
  ];
}

function total(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ value }] };
}
