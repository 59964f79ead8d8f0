// Whether the host end of a veth is what it should be. Pure.
import { request } from '../kernel/rtnetlink/client.ts';
import { changeLink } from '../kernel/rtnetlink/link.ts';
import type { Attachment } from '../model/attachment.ts';
import { isPort, sourceMacMessages, wantedPort } from './bridge-port.ts';
import { type Fault, fault } from './fault.ts';
import type { ObservedHost } from './observe.ts';

export function compareHostEnd(attachment: Attachment, host: ObservedHost): readonly Fault[] {
  const { link: plan, mtuBytes } = attachment;
  const { end } = host;
  if (plan.kind !== 'veth' || end === undefined) return [];
  const { index } = end;
  const faults: Fault[] = [...comparePort(attachment, host)];
  if (!end.up) {
    const step = request('host', changeLink({ index }, { up: true }));
    faults.push(fault(`its host end ${end.name} is down`, step));
  }
  if (end.mtuBytes !== mtuBytes && attachment.sharedWithOthers !== true) {
    const step = request('host', changeLink({ index }, { mtuBytes }));
    faults.push(fault(`its host end ${end.name} has MTU ${end.mtuBytes}, not ${mtuBytes}`, step));
  }
  return faults;
}

/** A locked port that does not know the source address it may use lets nothing through. */
export function compareSourceMac(attachment: Attachment, { end, portFdb }: ObservedHost): readonly Fault[] {
  const { mac, tuning } = attachment;
  if (tuning?.checkSourceMac !== true || end === undefined || portFdb.some((entry) => entry.mac === mac))
    return [];
  const step = request('host', ...sourceMacMessages(attachment, end.index));
  return [fault(`port ${end.name} lets MAC address ${mac} not through`, step)];
}

function comparePort(attachment: Attachment, host: ObservedHost): readonly Fault[] {
  const { link: plan } = attachment;
  const { end, link: bridge } = host;
  const port = wantedPort(attachment);
  if (plan.kind !== 'veth' || end === undefined || port === undefined) return [];
  const { index, name } = end;
  const join = `its host end ${name} is no port of bridge ${plan.bridge}`;
  if (bridge === undefined) return [{ problem: join, mend: undefined }];
  if (end.master !== bridge.index) {
    const messages = [
      changeLink({ index }, { master: bridge.index }),
      changeLink({ index }, { port }),
      ...sourceMacMessages(attachment, index),
    ];
    return [fault(join, request('host', ...messages))];
  }
  const settings = request('host', changeLink({ index }, { port }));
  return [
    ...(isPort(port, end.port)
      ? []
      : [
          fault(`port ${name} is isolated, hairpin, locked or guarded otherwise than it should be`, settings),
        ]),
    ...compareSourceMac(attachment, host),
  ];
}
