import { expect, test } from 'vitest';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import { ForeignDriver } from '../../../src/drivers/foreign.ts';
import { MacvlanDriver } from '../../../src/drivers/macvlan.ts';

const bridge = new BridgeDriver();
const macvlan = new MacvlanDriver();

test.each([
  ['com.docker.network.bridge.name', 'bridge', 'br-lab', 'br-lab'],
  ['com.docker.network.bridge.enable_ip_masquerade', 'masquerade', 'TRUE', 'true'],
  ['com.docker.network.bridge.enable_icc', 'icc', '0', 'false'],
  ['com.docker.network.bridge.gateway_mode_ipv4', 'gateway_mode_ipv4', 'nat', 'nat'],
  ['com.docker.network.bridge.gateway_mode_ipv6', 'gateway_mode_ipv6', 'nat', 'nat'],
  ['com.docker.network.bridge.gateway_mode_ipv6', 'gateway_mode_ipv6', 'nat-unprotected', 'nat-unprotected'],
  ['com.docker.network.bridge.gateway_mode_ipv4', 'gateway_mode_ipv4', 'routed', 'routed'],
  ['com.docker.network.bridge.gateway_mode_ipv6', 'gateway_mode_ipv6', 'isolated', 'isolated'],
  ['com.docker.network.bridge.host_binding_ipv4', 'host_binding', '127.0.0.1', '127.0.0.1'],
  ['com.docker.network.bridge.trusted_host_interfaces', 'trusted_host_interfaces', 'eth1:wg0', 'eth1:wg0'],
  ['com.docker.network.bridge.inhibit_ipv4', 'inhibit_ipv4', 't', 'true'],
  ['com.docker.network.host_ipv4', 'host_ipv4', '192.0.2.1', '192.0.2.1'],
  ['com.docker.network.host_ipv6', 'host_ipv6', '2001:DB8::1', '2001:db8::1'],
  ['com.docker.network.driver.mtu', 'mtu', '1400', '1400'],
  ['com.docker.network.container_iface_prefix', 'ifprefix', 'net', 'net'],
])('Docker’s %s is %s', (label, name, raw, normal) => {
  expect(bridge.normalizeOptions({ [label]: raw })).toEqual({ [name]: normal });
});

test.each([
  ['icc', 'maybe', 'option icc: "maybe" is not a boolean (true or false)'],
  ['hairpin', '', 'option hairpin: "" is not a boolean'],
  ['com.docker.network.bridge.enable_icc', 'no', 'option com.docker.network.bridge.enable_icc: "no"'],
  ['promiscuous', 'on', 'option promiscuous: "on" is not a boolean'],
  ['anti_spoofing', 'off', 'option anti_spoofing: "off" is not a boolean'],
  ['mtu', '67', 'option mtu: "67" is not an MTU from 68 to 65535'],
  ['mtu', '65536', 'not an MTU'],
  ['mtu', '1e3', 'not an MTU'],
  ['mtu', '-1', 'not an MTU'],
  ['bridge', 'a/b', 'not an interface name'],
  ['bridge', 'sixteen-letters!', 'not an interface name'],
  ['bridge', '..', 'not an interface name'],
  ['bridge', '', 'not an interface name'],
  ['bridge', 'br%d', 'not an interface name'],
  ['bridge', 'all', 'not an interface name'],
  ['ifprefix', 'thirteen-long', 'at most 12 characters'],
  ['host_binding', '300.0.0.1', 'option host_binding: 300.0.0.1 is not an IP address'],
  ['host_ipv4', 'fd00::1', 'not an IPv4 address'],
  ['host_ipv6', '10.0.0.1', 'not an IPv6 address'],
  ['trusted_host_interfaces', 'eth0::eth1', 'not an interface name'],
  ['forward_dns', 'everywhere', 'option forward_dns: everywhere is not an IP address'],
  ['gateway_mode_ipv4', 'magic', 'not one of nat, nat-unprotected, routed, isolated'],
])('%s=%s is refused, naming key and value', (key, value, message) => {
  expect(() => bridge.normalizeOptions({ [key]: value })).toThrow(message);
  expect(() => bridge.normalizeOptions({ [key]: value })).toThrow(
    expect.objectContaining({ code: 'invalid_parameter' }),
  );
});

test('one option given under two names must have one value', () => {
  const label = 'com.docker.network.bridge.enable_icc';
  expect(bridge.normalizeOptions({ icc: 'true', [label]: '1' })).toEqual({ icc: 'true' });
  expect(() => bridge.normalizeOptions({ icc: 'true', [label]: '0' })).toThrow(
    'option icc is given twice, as true and as false',
  );
});

test('names of interfaces may hold dots, and several resolvers are joined by commas', () => {
  expect(bridge.normalizeOptions({ bridge: 'br.10', forward_dns: '9.9.9.9,FD00::53' })).toEqual({
    bridge: 'br.10',
    forward_dns: '9.9.9.9,fd00::53',
  });
});

test.each(['bridge', 'private', 'vepa', 'passthru'])('macvlan takes mode %s', (mode) => {
  expect(macvlan.normalizeOptions({ macvlan_mode: mode })).toEqual({ mode });
});

test('networks of foreign interfaces take few options', () => {
  const foreign = new ForeignDriver();
  const options = { bridge: 'cni0', mtu: '1400', forward_dns: 'none' };
  expect(foreign.normalizeOptions(options)).toEqual(options);
  expect(() => foreign.normalizeOptions({ ifprefix: 'net' })).toThrow(
    'unknown option ifprefix of driver foreign; known are bridge, forward_dns, mtu, restore_route_localnet',
  );
});

test('macvlan refuses another mode and the options of bridges', () => {
  expect(() => macvlan.normalizeOptions({ mode: 'source' })).toThrow(
    'not one of bridge, private, vepa, passthru',
  );
  expect(() => macvlan.normalizeOptions({ icc: 'true' })).toThrow(
    'unknown option icc of driver macvlan; known are forward_dns, ifprefix, mode, mtu, parent',
  );
});
