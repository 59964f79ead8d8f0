// The CNI plugin under test, and network configurations for it, at the places in a throw-away host where engines look.
import type { TestHost } from '../test-host.ts';

export const pluginFolder = '/opt/cni/bin';
export const configurationFolder = '/etc/cni/net.d';

const referenceFolder = '/usr/lib/cni';
const executable = new URL('../../../bin/fairlead-cni', import.meta.url).pathname;

/** The newest version each engine can: containerd 1.6 knows neither `cniVersions` nor 1.1.0. */
const versions = { cniVersion: '1.0.0', cniVersions: ['0.4.0', '1.0.0', '1.1.0'] };

const capabilities = {
  portMappings: true,
  bandwidth: true,
  ips: true,
  mac: true,
  ipRanges: true,
  dns: true,
  aliases: true,
};

export interface NetworkChoice {
  readonly name: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly subnet6?: string;
  /** First and last address to give. */
  readonly range?: readonly [string, string];
}

export interface NetworkConfiguration {
  readonly name: string;
  readonly conflist: object;
  /** Name and path of each executable it takes; `loopback` is what containerd runs besides. */
  readonly executables: Readonly<Record<string, string>>;
}

/** One element in place of a chain of five, with the keys of the chain's. */
export function fairleadConfiguration(choice: NetworkChoice): NetworkConfiguration {
  const { name } = choice;
  const plugins = [{ type: 'fairlead-cni', ...bridgeKeys(choice), capabilities }];
  return {
    name,
    conflist: { ...versions, name, plugins },
    executables: { 'fairlead-cni': executable, loopback: executable },
  };
}

/** The same network by the reference plugins. */
export function referenceConfiguration(choice: NetworkChoice): NetworkConfiguration {
  const { name } = choice;
  const plugins = [
    { type: 'bridge', ...bridgeKeys(choice), capabilities: { ips: true, mac: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
    { type: 'firewall' },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
  ];
  const names = [...plugins.map(({ type }) => type), 'host-local', 'loopback'];
  return {
    name,
    conflist: { ...versions, name, plugins },
    executables: Object.fromEntries(names.map((each) => [each, `${referenceFolder}/${each}`])),
  };
}

/** Puts plugins and one configuration in place, and nothing else besides. */
export async function installNetwork(host: TestHost, configuration: NetworkConfiguration): Promise<void> {
  const { name, conflist, executables } = configuration;
  const links = Object.entries(executables).map(([each, path]) => `ln -s ${path} ${pluginFolder}/${each}`);
  await host.shell(
    `mkdir -p ${pluginFolder} ${configurationFolder}
    rm -rf ${pluginFolder}/* ${configurationFolder}/*
    ${links.join('\n')}
    cat >${configurationFolder}/10-${name}.conflist`,
    { input: JSON.stringify(conflist) },
  );
}

function bridgeKeys({ bridge, subnet, subnet6, range }: NetworkChoice): object {
  const first = range === undefined ? { subnet } : { subnet, rangeStart: range[0], rangeEnd: range[1] };
  const second = subnet6 === undefined ? [] : [{ subnet: subnet6 }];
  return {
    bridge,
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: [first, ...second].map((each) => [each]),
      routes: [first, ...second].map((each) => ({ dst: each.subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
    },
  };
}
