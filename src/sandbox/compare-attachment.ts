// What differs between an attachment and the kernel, and the smallest change that mends it. Pure.
import { familyOf } from '../base/cidr.ts';
import { addAddress } from '../kernel/rtnetlink/address.ts';
import { type NamespaceContents, request } from '../kernel/rtnetlink/client.ts';
import { changeLink, type Link } from '../kernel/rtnetlink/link.ts';
import type { Attachment } from '../model/attachment.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';
import { hasIpv6, ipv6Steps, wantedAddresses } from './address-plan.ts';
import { compareHostEnd, compareSourceMac } from './compare-host-end.ts';
import { compareLimits, othersLimits } from './compare-limits.ts';
import { compareRoutes } from './compare-routes.ts';
import { changesTo, compareSettings } from './compare-settings.ts';
import { type Fault, fault } from './fault.ts';
import type { Observed, ObservedHost } from './observe.ts';
import { planned } from './planned-step.ts';
import type { NewIfb } from './shaping-plan.ts';
import { tuningSettings } from './tuning-plan.ts';

/**
 * Faults in the order in which they are to be mended.
 * @param fresh the ifb, should one have to be made.
 */
export function compareAttachment(
  attachment: Attachment,
  observed: Observed,
  fresh: NewIfb | undefined,
): readonly Fault[] {
  const { link, host, inside } = observed;
  if (link === undefined) return [{ problem: 'is missing', mend: undefined }];
  if (attachment.link.kind === 'foreign') return compareForeign(attachment, link, observed, fresh);
  const wrong = wrongLink(attachment, link, host);
  if (wrong !== undefined) return [{ problem: wrong, mend: undefined }];
  const own = attachment.sharedWithOthers !== true && attachment.tuning?.down !== true;
  return [
    ...compareHostEnd(attachment, host),
    ...compareSettings(unshared(wantedSettings(attachment), attachment), link),
    ...compareState(attachment, link),
    ...compareAddresses(attachment, link, inside),
    ...(own ? compareRoutes(attachment, link, inside) : []),
    ...limitFaults(observed, fresh),
  ];
}

/** Of an interface somebody else made, only what is not as it was before is ours. */
function compareForeign(
  attachment: Attachment,
  link: Link,
  observed: Observed,
  fresh: NewIfb | undefined,
): readonly Fault[] {
  const { host, inside, limits } = observed;
  const shared = attachment.sharedWithOthers === true;
  const others = limits && othersLimits(limits, limitedName(observed));
  return [
    ...compareSettings(unshared(foreignSettings(attachment), attachment), link),
    ...(shared || !link.up ? [] : compareRoutes(attachment, link, inside)),
    ...(host.end?.port?.locked === true ? compareSourceMac(attachment, host) : []),
    ...(others === undefined ? limitFaults(observed, fresh) : [{ problem: others, mend: undefined }]),
  ];
}

function limitFaults(observed: Observed, fresh: NewIfb | undefined): readonly Fault[] {
  const { limits } = observed;
  return limits === undefined || fresh === undefined
    ? []
    : compareLimits(limits, limitedName(observed), fresh);
}

/** The settings of a foreign interface that are ours. */
export function foreignSettings(attachment: Attachment): InterfaceSettings {
  const former = attachment.link.kind === 'foreign' ? attachment.link.former : {};
  return changesTo(wantedSettings(attachment), former);
}

/** Why the interface of that name is not the one meant, if it is not. */
function wrongLink({ link: plan }: Attachment, link: Link, host: ObservedHost): string | undefined {
  if (plan.kind === 'veth') {
    if (host.end === undefined) return `has no end ${plan.hostIfname} on the host`;
    const paired = host.end.parent === link.index && link.parent === host.end.index;
    return paired ? undefined : `is not the other end of ${plan.hostIfname}`;
  }
  if (plan.kind === 'foreign') return undefined;
  if (link.info.kind !== 'macvlan' || link.parent !== host.link?.index)
    return `is no macvlan on ${plan.parent}`;
  return link.info.mode === plan.mode ? undefined : `is in mode ${link.info.mode}, not ${plan.mode}`;
}

function wantedSettings(attachment: Attachment): InterfaceSettings {
  const { link: plan, mac, mtuBytes } = attachment;
  // A passthru macvlan has its parent's.
  const passthru = plan.kind === 'macvlan' && plan.mode === 'passthru';
  return { mtuBytes, ...(!passthru && { mac }), ...tuningSettings(attachment) };
}

/** Those of the settings that nobody else may change. */
function unshared(settings: InterfaceSettings, { sharedWithOthers }: Attachment): InterfaceSettings {
  if (sharedWithOthers !== true) return settings;
  const { mac: _mac, mtuBytes: _mtuBytes, ...own } = settings;
  return own;
}

function compareState({ tuning }: Attachment, { index, up }: Link): readonly Fault[] {
  if (up || tuning?.down === true) return [];
  return [fault('is down', request('namespace', changeLink({ index }, { up: true })))];
}

function compareAddresses(
  attachment: Attachment,
  { index }: Link,
  observed: NamespaceContents,
): readonly Fault[] {
  const there = observed.addresses.filter((one) => one.link === index).map(({ address }) => address);
  const taken = attachment.taken === true;
  const wanted = taken ? attachment.addresses : wantedAddresses(attachment);
  const missing = wanted.filter((address) => !there.includes(address));
  const faults: Fault[] = [];
  const strangers = !taken && !hasIpv6(attachment) && there.some((address) => familyOf(address) === 6);
  if (strangers) {
    const mend = planned('configure', ipv6Steps(attachment, 'on'));
    faults.push({ problem: 'has IPv6 switched on', mend });
  }
  for (const address of missing) {
    // Whoever switched IPv6 off on the interface took its addresses with it.
    const ipv6 = familyOf(address) === 6 ? ipv6Steps(attachment, 'on') : [];
    const add = request('namespace', addAddress({ link: index, address }));
    faults.push({ problem: `lacks address ${address}`, mend: planned('configure', [...ipv6, add]) });
  }
  return faults;
}

function limitedName({ limits, link, host }: Observed): string {
  return (limits?.point.socket === 'host' ? host.end?.name : link?.name) ?? '';
}
