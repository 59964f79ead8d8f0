// What of an endpoint's published ports is for the kernel to forward.
import { expect, test } from 'vitest';
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { portForwards } from '../../../src/drivers/port-forwards.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';

const ipv4 = '10.5.0.2/24';
const ipv6 = 'fd05::2/64';

test.for([
  { of: [ipv4], at: '0.0.0.0', to: '10.5.0.2' },
  { of: [ipv4], at: '::', to: undefined },
  { of: [ipv4], at: '::1', to: undefined },
  { of: [ipv6], at: '127.0.0.1', to: undefined },
  { of: [ipv6], at: '::', to: 'fd05::2' },
  { of: [ipv4, ipv6], at: '192.0.2.1', to: '10.5.0.2' },
  { of: [ipv4, ipv6], at: '::', to: 'fd05::2' },
])('a port on $at of an endpoint with $of is forwarded to $to', ({ of, at, to }) => {
  const port = { protocol: 'tcp' as const, port: 80, hostPort: 8080, hostAddress: at as IpAddress };
  const endpoint = { ports: [port], addresses: of as InterfaceAddress[] } as unknown as Endpoint;
  expect(portForwards(endpoint)).toEqual(to === undefined ? [] : [{ ...port, address: to }]);
});

test('a port that is open at the endpoint itself is so at its address of the family', () => {
  const opened = { protocol: 'udp' as const, port: 53, hostPort: 0, hostAddress: '::' as IpAddress };
  const endpoint = { ports: [opened], addresses: [ipv4, ipv6] } as unknown as Endpoint;
  const [forward] = portForwards(endpoint);
  expect(forward).toMatchObject({ hostAddress: 'fd05::2', hostPort: 53, address: 'fd05::2' });
});
