// Who asks at a network's gateway address, told by where the question comes from, and what that asker may see.
import type { IpAddress } from '../base/cidr.ts';
import type { NetworkId, SandboxId } from '../model/ids.ts';
import type { ResolverView } from '../model/name-entry.ts';
import type { View } from './answer.ts';
import type { NameTable } from './names/name-table.ts';

export interface Askers {
  readonly table: NameTable;
  readonly views: { get(sandboxId: SandboxId): ResolverView | undefined };
  /** Whether questions from an address are the host's own. */
  readonly isHost: (address: string) => boolean;
}

/**
 * Undefined for strangers. A sandbox sees here what it sees at a resolver of its own. As long as that is not known, it sees
 * the network alone, and other questions fail: whether they may leave is not known either.
 */
export function viewFrom(address: string, networkId: NetworkId, askers: Askers): View | undefined {
  const { sandboxId } = askers.table.holder(address as IpAddress, networkId) ?? {};
  if (sandboxId !== undefined) {
    return askers.views.get(sandboxId) ?? { sandboxId, ...networkAlone(networkId, []) };
  }
  return askers.isHost(address) ? networkAlone(networkId, 'host') : undefined;
}

function networkAlone(networkId: NetworkId, forwarding: View['forwarding']): View {
  return { networks: [networkId], links: [], forwarding };
}
