import type { IpAddress } from '../../src/base/cidr.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { BridgeDriver } from '../../src/drivers/bridge/bridge.ts';
import { ForeignDriver } from '../../src/drivers/foreign.ts';
import { HostDriver } from '../../src/drivers/host.ts';
import { MacvlanDriver } from '../../src/drivers/macvlan.ts';
import { NoneDriver } from '../../src/drivers/none.ts';
import { OverlayDriver } from '../../src/drivers/overlay/overlay.ts';
import { run } from '../support/own-network.ts';
import { makeNetwork } from '../support/records.ts';
import { driverContract } from './driver.ts';

driverContract(() => ({
  driver: new BridgeDriver(),
  draft: makeNetwork({ driver: 'bridge', pools: [{ subnet: '10.61.0.0/24', gateway: '10.61.0.1' }] }),
  options: {
    raw: {
      'com.docker.network.bridge.name': 'ct-br',
      'com.docker.network.bridge.enable_icc': 'F',
      'com.docker.network.driver.mtu': '01400',
      masquerade: '1',
      host_ipv6: 'FD00:0::1',
    },
    normal: { bridge: 'ct-br', icc: 'false', mtu: '1400', masquerade: 'true', host_ipv6: 'fd00::1' },
  },
  addresses: ['10.61.0.2/24'],
}));

driverContract(() => ({
  driver: new OverlayDriver({
    underlay: () => ({ address: '10.64.1.1' as IpAddress, mac: '02:00:00:00:64:01' as MacAddress }),
  }),
  draft: makeNetwork({
    driver: 'overlay',
    options: { vni: '4713' },
    pools: [{ subnet: '10.64.0.0/24', gateway: '10.64.0.1' }],
  }),
  options: {
    raw: {
      'com.docker.network.driver.overlay.vxlanid_list': '04097',
      'com.docker.network.driver.mtu': '01400',
      'com.docker.network.bridge.enable_icc': 'F',
      encrypted: '0',
      multicast: 'T',
      vtep_port: '4790',
    },
    normal: {
      vni: '4097',
      mtu: '1400',
      icc: 'false',
      encrypted: 'false',
      multicast: 'true',
      vtep_port: '4790',
    },
  },
  addresses: ['10.64.0.2/24'],
  setUp: () => {
    run('ip link add ct-under type veth peer name ct-over');
    run('ip address add 10.64.1.1/24 dev ct-under');
  },
  tearDown: () => run('ip link delete ct-under'),
}));

driverContract(() => ({
  driver: new MacvlanDriver(),
  draft: makeNetwork({
    driver: 'macvlan',
    options: { parent: 'ct-parent' },
    pools: [{ subnet: '10.62.0.0/24', gateway: '10.62.0.1' }],
  }),
  options: {
    raw: { macvlan_mode: 'vepa', parent: 'ct-parent', 'com.docker.network.container_iface_prefix': 'net' },
    normal: { mode: 'vepa', parent: 'ct-parent', ifprefix: 'net' },
  },
  addresses: ['10.62.0.2/24'],
  setUp: () => run('ip link add ct-parent type veth peer name ct-wire'),
  tearDown: () => run('ip link delete ct-parent'),
}));

driverContract(() => ({
  driver: new ForeignDriver(),
  draft: makeNetwork({
    driver: 'foreign',
    options: { bridge: 'ct-foreign', mtu: '1400' },
    pools: [{ subnet: '10.63.0.0/24', gateway: '10.63.0.1' }],
  }),
  options: {
    raw: {
      bridge: 'ct-foreign',
      'com.docker.network.driver.mtu': '01400',
      forward_dns: 'none',
      restore_route_localnet: '1',
    },
    normal: { bridge: 'ct-foreign', mtu: '1400', forward_dns: 'none', restore_route_localnet: 'true' },
  },
  addresses: ['10.63.0.2/24'],
  setUp: () => run('ip link add ct-foreign type bridge'),
  tearDown: () => run('ip link delete ct-foreign'),
}));

for (const driver of [new HostDriver(), new NoneDriver()]) {
  driverContract(() => ({
    driver,
    draft: makeNetwork({ driver: driver.name }),
    options: { raw: {}, normal: {} },
    addresses: [],
  }));
}
