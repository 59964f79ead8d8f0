// A name as an asker sees it, with whom it leads to: for `net dns ls`.
import type { IpAddress } from '../base/cidr.ts';
import type { NetworkId, SandboxId } from './ids.ts';

/** What makes a name one's own: all but aliases and links, which several may share on purpose. */
export type NameKind = 'name' | 'hostname' | 'id' | 'alias' | 'link';

export interface VisibleName {
  readonly name: string;
  readonly kind: NameKind;
  /** Absent of a link whose target is on no network of the asker's. */
  readonly networkId?: NetworkId;
  readonly networkName?: string;
  /** Whom it leads to. */
  readonly sandboxId: SandboxId;
  readonly sandboxName: string;
  readonly addresses: readonly IpAddress[];
  /** Names of other sandboxes that claim it as well where this asker, or without one anybody, sees both; a few of them. */
  readonly alsoClaimedBy: readonly string[];
  /** A link of the asker goes by that name: it leads here with the network's name only. */
  readonly isHidden: boolean;
}
