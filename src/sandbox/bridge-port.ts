// How the host end of a veth is a port of its bridge: pure.
import type { BridgePort } from '../kernel/rtnetlink/link-info.ts';
import { setPortFdbEntry } from '../kernel/rtnetlink/neighbour.ts';
import type { Attachment } from '../model/attachment.ts';

/**
 * A port that checks source addresses is locked to those it is told, and learns none. What the firewall is to look at must come by
 * it: frames to reserved addresses would pass by all of its hooks, into the bridge's table of addresses and to the host
 * (br_handle_frame() of net/bridge/br_input.c).
 */
export function wantedPort({ link, tuning }: Attachment): BridgePort | undefined {
  if (link.kind !== 'veth') return undefined;
  const { isolated, hairpin, guarded } = link;
  return {
    isolated,
    hairpin,
    ...(tuning?.checkSourceMac === true && { locked: true, learning: false }),
    ...(guarded === true && { forwardsReserved: true }),
  };
}

/** Whether a port has every setting that is wanted. */
export function isPort(wanted: BridgePort, there: Required<BridgePort> | undefined): boolean {
  return (
    there !== undefined &&
    there.isolated === wanted.isolated &&
    there.hairpin === wanted.hairpin &&
    there.locked === (wanted.locked ?? there.locked) &&
    there.learning === (wanted.learning ?? there.learning) &&
    there.forwardsReserved === (wanted.forwardsReserved ?? there.forwardsReserved)
  );
}

/** Tells the bridge which source address a locked port may use; nothing when it is not locked. */
export function sourceMacMessages({ mac, tuning }: Attachment, hostEnd: number): readonly Uint8Array[] {
  return tuning?.checkSourceMac === true ? [setPortFdbEntry({ link: hostEnd, mac })] : [];
}
