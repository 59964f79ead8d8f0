// One member of etcd, its data where the caller says, and what it tells of itself.

export interface EtcdFigures {
  readonly cpuSeconds: number;
  readonly residentMiB: number;
  /** Requests to read. */
  readonly reads: number;
  readonly puts: number;
  /** Told to watchers, each counted. */
  readonly events: number;
  readonly sentMiB: number;
  readonly renewals: number;
  readonly databaseMiB: number;
}

export function etcdUrl(address: string): string {
  return `http://${address}:2379`;
}

/** Prints `etcdServes` when it serves. */
export function etcdCommand(address: string, flags: readonly string[] = []): readonly string[] {
  const url = etcdUrl(address);
  const peers = 'http://127.0.0.1:2380';
  return [
    ...['etcd', '--data-dir', '/run/etcd', '--quota-backend-bytes', String(8 * 2 ** 30)],
    ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peers],
    ...['--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`, ...flags],
  ];
}

export const etcdServes = /serving insecure client requests/;

/** Since it was started. */
export async function readEtcdFigures(url: string): Promise<EtcdFigures> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    residentMiB: value('process_resident_memory_bytes') / 2 ** 20,
    reads: value(
      'grpc_server_handled_total{grpc_code="OK",grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"}',
    ),
    puts: value('etcd_debugging_mvcc_put_total'),
    events: value('etcd_debugging_mvcc_events_total'),
    sentMiB: value('etcd_network_client_grpc_sent_bytes_total') / 2 ** 20,
    renewals: value('etcd_debugging_lease_renewed_total'),
    databaseMiB: value('etcd_mvcc_db_total_size_in_bytes') / 2 ** 20,
  };
}
