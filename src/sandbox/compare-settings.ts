// Whether a link is set as it should be, and how to set it so. Pure.
import { request } from '../kernel/rtnetlink/client.ts';
import { changeLink, type Link } from '../kernel/rtnetlink/link.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';
import type { Fault } from './fault.ts';

type Setting = keyof InterfaceSettings;

/** Faults of a link in a sandbox, in the order in which it is to be set. */
export function compareSettings(wanted: InterfaceSettings, link: Link): readonly Fault[] {
  return (Object.keys(wanted) as Setting[])
    .filter((setting) => wanted[setting] !== undefined && wanted[setting] !== link[setting])
    .map((setting) => {
      const change = changeLink({ index: link.index }, { [setting]: wanted[setting] });
      return {
        problem: describe[setting](link[setting], wanted[setting]),
        mend: [{ purpose: 'tune', step: request('namespace', change) }],
      };
    });
}

/** The settings that are not those of `former`: what is the same there is nobody's wish. */
export function changesTo(wanted: InterfaceSettings, former: InterfaceSettings): InterfaceSettings {
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([setting, value]) => value !== undefined && value !== former[setting as Setting],
    ),
  );
}

const describe: Readonly<Record<Setting, (is: unknown, wanted: unknown) => string>> = {
  mtuBytes: (is, wanted) => `has MTU ${is}, not ${wanted}`,
  mac: (is, wanted) => `has MAC address ${is}, not ${wanted}`,
  promiscuous: (is) => (is === true ? 'is promiscuous' : 'is not promiscuous'),
  allMulticast: (is) => (is === true ? 'takes all multicast' : 'takes not all multicast'),
  txQueueLength: (is, wanted) => `has a transmit queue of ${is} packets, not ${wanted}`,
};
