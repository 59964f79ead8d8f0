// One member of etcd, its data where the caller says.

function etcdUrl(address: string): string {
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
