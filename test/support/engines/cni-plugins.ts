// The CNI plugin under test, and network configurations for it, at the places in a throw-away host where engines look.
import type { TestHost } from '../test-host.ts';

export const pluginFolder = '/opt/cni/bin';
export const configurationFolder = '/etc/cni/net.d';

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
}

export interface NetworkConfiguration {
  readonly name: string;
  readonly plugins: readonly object[];
}

/** One element in place of a chain of five, with the keys of the chain's. */
export function fairleadConfiguration(choice: NetworkChoice): NetworkConfiguration {
  return {
    ...versions,
    name: choice.name,
    plugins: [{ type: 'fairlead-cni', ...bridgeKeys(choice), capabilities }],
  };
}

/** The same network by the reference plugins. */
export function referenceConfiguration(choice: NetworkChoice): NetworkConfiguration {
  return {
    ...versions,
    name: choice.name,
    plugins: [
      { type: 'bridge', ...bridgeKeys(choice), capabilities: { ips: true, mac: true } },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'firewall' },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  };
}

/** Puts plugins and one configuration in place, and nothing else besides. */
export async function installNetwork(host: TestHost, configuration: NetworkConfiguration): Promise<void> {
  await host.shell(
    `mountpoint -q /opt || mount -t tmpfs tmpfs /opt
    mkdir -p ${pluginFolder} ${configurationFolder}
    rm -rf ${pluginFolder}/* ${configurationFolder}/*
    for name in fairlead-cni loopback; do ln -s ${executable} ${pluginFolder}/$name; done
    cat >${configurationFolder}/10-${configuration.name}.conflist`,
    { input: JSON.stringify(configuration) },
  );
}

function bridgeKeys({ bridge, subnet, subnet6 }: NetworkChoice): object {
  const subnets = subnet6 === undefined ? [subnet] : [subnet, subnet6];
  return {
    bridge,
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: subnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
    },
  };
}
