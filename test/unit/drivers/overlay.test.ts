import { expect, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { OverlayDriver } from '../../../src/drivers/overlay/overlay.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new OverlayDriver({ underlay: () => undefined });
const network = makeNetwork({
  driver: 'overlay',
  options: { vni: '4100', mtu: '1450' },
  pools: [{ subnet: '10.5.0.0/24', gateway: '10.5.0.1' }],
});
const id = network.id.slice(0, 10);

test.each([
  ['vni', '0', /one VXLAN id from 1 to 16777215/],
  ['vni', '16777216', /one VXLAN id/],
  ['com.docker.network.driver.overlay.vxlanid_list', '4097,4098', /one VXLAN id/],
  ['vni', '1e3', /one VXLAN id/],
  ['vtep_port', '0', /a port from 1 to 65535/],
  ['vtep_port', '65536', /a port/],
  ['encrypted', 'perhaps', /a boolean/],
  ['multicast', '', /a boolean/],
  ['bridge', 'br0', /unknown option bridge/],
  ['host_ipv4', '10.0.0.1', /unknown option host_ipv4/],
])('option %s is not %s', (key, value, message) => {
  const normalize = () => driver.normalizeOptions({ [key]: value });
  expect(normalize).toThrow(message);
  expect(normalize).toThrow(NetError);
});

test("docker's way to ask for encryption, without a value, is understood", () => {
  expect(driver.normalizeOptions({ encrypted: '' })).toEqual({ encrypted: 'true' });
});

test('an endpoint is a guarded port of the bridge which the id of the network names', () => {
  const { link, mtuBytes } = driver.attachment(network, makeEndpoint(network, ['10.5.0.2/24']));
  expect(link).toMatchObject({ kind: 'veth', bridge: `fl-${id}`, guarded: true, isolated: false });
  expect(mtuBytes).toBe(1450);
});

test('the bridge and the tunnel are links of the network', () => {
  expect(driver.hostLinks(network)).toEqual([`fl-${id}`, `vx-${id}`]);
});

test('a gateway on every host lets packets out under the address of the host', () => {
  expect(driver.policy(network)).toMatchObject({
    ifname: `fl-${id}`,
    subnets: ['10.5.0.0/24'],
    source: { ipv4: 'masquerade', ipv6: 'masquerade' },
    direct: { ipv4: 'none', ipv6: 'none' },
  });
  expect(driver.needsForwarding(network)).toEqual({ ipv4: true, ipv6: false });
});
