// A small world of names: `web` and `db` on `lab`, `db2` on `back` with the alias of `db`, `both` on the two.
import type { IpAddress } from '../../../src/base/cidr.ts';
import { NameTable } from '../../../src/dns/names/name-table.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { NameEntry, ResolverView } from '../../../src/model/name-entry.ts';

export const lab = 'lab-id' as NetworkId;
export const back = 'back-id' as NetworkId;

export function entry(
  sandbox: string,
  network: NetworkId,
  rest: { addresses: readonly string[]; names?: readonly string[]; services?: NameEntry['services'] },
): NameEntry {
  return {
    endpointId: `${sandbox}@${network}` as EndpointId,
    networkId: network,
    networkName: network === lab ? 'Lab' : 'back',
    sandboxId: sandbox as SandboxId,
    names: [sandbox, ...(rest.names ?? [])],
    addresses: rest.addresses as readonly IpAddress[],
    services: rest.services ?? [],
  };
}

export function view(
  networks: readonly NetworkId[],
  rest: Partial<Omit<ResolverView, 'networks'>> = {},
): ResolverView {
  return { sandboxId: 'asker' as SandboxId, networks, links: [], forwarding: 'host', ...rest };
}

export function smallWorld(): NameTable {
  const table = new NameTable();
  table.upsert(
    entry('web', lab, {
      names: ['Web-Host', '0123456789ab', 'www'],
      addresses: ['10.0.0.2', 'fd00::2'],
      services: [
        { protocol: 'tcp', port: 80 },
        { protocol: 'udp', port: 53 },
      ],
    }),
  );
  table.upsert(entry('db', lab, { names: ['store'], addresses: ['10.0.0.3'] }));
  table.upsert(entry('db2', back, { names: ['store'], addresses: ['10.0.1.3'] }));
  table.upsert(entry('both', lab, { addresses: ['10.0.0.4'] }));
  table.upsert(entry('both', back, { addresses: ['10.0.1.4', 'fd00:1::4'] }));
  return table;
}
