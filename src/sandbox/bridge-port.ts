// How the host end of a veth is a port of its bridge: pure.
import type { BridgePort } from '../kernel/rtnetlink/link-info.ts';
import { setPortFdbEntry } from '../kernel/rtnetlink/neighbour.ts';
import type { Attachment } from '../model/attachment.ts';

/** A port that checks source addresses is locked to those it is told, and learns none. */
export function wantedPort({ link, tuning }: Attachment): BridgePort | undefined {
  if (link.kind !== 'veth') return undefined;
  const { isolated, hairpin } = link;
  return { isolated, hairpin, ...(tuning?.checkSourceMac === true && { locked: true, learning: false }) };
}

/** Whether a port has every setting that is wanted. */
export function isPort(wanted: BridgePort, there: Required<BridgePort> | undefined): boolean {
  return (
    there !== undefined &&
    there.isolated === wanted.isolated &&
    there.hairpin === wanted.hairpin &&
    there.locked === (wanted.locked ?? there.locked) &&
    there.learning === (wanted.learning ?? there.learning)
  );
}

/** Tells the bridge which source address a locked port may use; nothing when it is not locked. */
export function sourceMacMessages({ mac, tuning }: Attachment, hostEnd: number): readonly Uint8Array[] {
  return tuning?.checkSourceMac === true ? [setPortFdbEntry({ link: hostEnd, mac })] : [];
}
