// Settings of one interface and of its namespace, with the keys of the tuning plugin.
import type { InterfaceTuning } from '../model/interface-settings.ts';
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';
import { repeatedKey } from './repeated-key.ts';

/** As asked for, before the name of the interface is known. */
export interface TuningConfig {
  /** By key as written; later ones count before earlier ones. */
  readonly sysctls: readonly ReadonlyMap<string, string>[];
  readonly promiscuous?: true;
  readonly allMulticast?: boolean;
  /** Asked for by `args.cni` for this very interface. */
  readonly mtuBytes?: number;
  readonly txQueueLength?: number;
  readonly down: boolean;
  readonly checkSourceMac: boolean;
}

/** Errors: 6, 7. */
export function parseTuning(
  { configuration, source }: { readonly configuration: Fields; readonly source: string },
  args: Fields,
): TuningConfig {
  const twice = configuration.names('sysctl') ? repeatedKey(source, 'sysctl') : undefined;
  if (twice !== undefined) throw bad(`${twice} is given twice`);
  const promiscuous = args.boolean('promisc') ?? configuration.boolean('promisc') ?? false;
  const allMulticast = args.boolean('allmulti') ?? configuration.boolean('allmulti');
  const mtuBytes = args.integer('mtu', { most: 65_535 }) ?? 0;
  const queue = { most: 0x7fff_ffff };
  const txQueueLength = args.integer('txQLen', queue) ?? configuration.integer('txQLen', queue);
  return {
    sysctls: [configuration, args].map((fields) => fields.stringMap('sysctl') ?? new Map()),
    ...(promiscuous && { promiscuous }),
    ...(allMulticast !== undefined && { allMulticast }),
    ...(mtuBytes !== 0 && { mtuBytes }),
    ...(txQueueLength !== undefined && { txQueueLength }),
    down: configuration.boolean('disableContainerInterface') ?? false,
    checkSourceMac: configuration.boolean('macspoofchk') ?? false,
  };
}

/**
 * Undefined when nothing is asked for.
 * @param mtuBytes in place of what the configuration says for this interface, if that is nothing.
 * Errors: 7 for sysctls of no network namespace, and for one given twice.
 */
export function interfaceTuning(
  { sysctls, down, checkSourceMac, ...settings }: TuningConfig,
  ifname: string,
  mtuBytes?: number,
): InterfaceTuning | undefined {
  const paths = Object.assign({}, ...sysctls.map((keys) => sysctlPaths(keys, ifname)));
  const tuning: InterfaceTuning = {
    ...(mtuBytes !== undefined && { mtuBytes }),
    ...settings,
    ...(Object.keys(paths).length > 0 && { sysctls: paths }),
    ...(down && { down }),
    ...(checkSourceMac && { checkSourceMac }),
  };
  return Object.keys(tuning).length === 0 ? undefined : tuning;
}

function sysctlPaths(sysctls: ReadonlyMap<string, string>, ifname: string): Readonly<Record<string, string>> {
  const keys = new Map<string, string>();
  const values: Record<string, string> = {};
  for (const [key, value] of sysctls) {
    const path = sysctlPath(key, ifname);
    const before = keys.get(path);
    if (before !== undefined) throw bad(`${before} and ${key} are one and the same`);
    keys.set(path, key);
    values[path] = value;
  }
  return values;
}

/** sysctl(8): the first separator counts, and the other one then stands for it within a name. */
function sysctlPath(key: string, ifname: string): string {
  const dotted = key.search(/[./]/) === key.indexOf('.');
  const segments = dotted ? key.split('.').map((part) => part.replaceAll('/', '.')) : key.split('/');
  const isPath = segments.every(
    (part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'),
  );
  if (!isPath || segments.length < 2 || segments[0] !== 'net') {
    throw bad(`${JSON.stringify(key)} is not below net, the only part a network namespace has of its own`);
  }
  return segments.map((part) => (part === 'IFNAME' ? ifname : part)).join('/');
}

function bad(problem: string): CniError {
  return new CniError(cniCode.badConfiguration, `sysctl: ${problem}`);
}
