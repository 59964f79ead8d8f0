import { describe, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { endpointMac } from '../../../src/core/endpoint-mac.ts';
import type { EndpointId, NetworkId } from '../../../src/model/ids.ts';
import type { Network } from '../../../src/model/network.ts';

const one = 'aa'.repeat(32) as EndpointId;
const other = 'bb'.repeat(32) as EndpointId;
const addresses = ['10.1.0.2/24', 'fd00::2/64'] as InterfaceAddress[];

describe('the hardware address of an endpoint', () => {
  test('is of its own on a network of one host', () => {
    const lab = networkOf('cc');
    expect(endpointMac(lab, one, addresses)).not.toBe(endpointMac(lab, other, addresses));
  });

  test('stays with its address on a network over several hosts', () => {
    const lab = networkOf('cc', { shared: true });
    expect(endpointMac(lab, one, addresses)).toBe(endpointMac(lab, other, addresses));
    expect(endpointMac(lab, one, ['10.1.0.3/24' as InterfaceAddress])).not.toBe(
      endpointMac(lab, one, addresses),
    );
  });

  test('is another on another network with the same addresses', () => {
    const [lab, field] = [networkOf('cc', { shared: true }), networkOf('dd', { shared: true })];
    expect(endpointMac(lab, one, addresses)).not.toBe(endpointMac(field, one, addresses));
  });
});

function networkOf(id: string, more: Partial<Network> = {}): Network {
  return {
    id: id.repeat(32) as NetworkId,
    name: id,
    driver: 'overlay',
    createdAt: '2026-01-01T00:00:00.000Z',
    internal: false,
    ipv4: true,
    ipv6: true,
    options: {},
    labels: {},
    ipam: { driver: 'default', options: {}, pools: [] },
    builtin: false,
    ...more,
  };
}
