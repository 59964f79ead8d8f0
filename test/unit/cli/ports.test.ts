import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { formatPort, formatReach } from '../../../src/cli/ports.ts';

test.each([
  ['at a host address', { hostAddress: '127.0.0.1', hostPort: 8080 }, '127.0.0.1:8080'],
  ['at an IPv6 host address, in brackets', { hostAddress: '::', hostPort: 8080 }, '[::]:8080'],
  ['opened: at the endpoint itself', { hostAddress: '0.0.0.0', hostPort: 0 }, '10.5.0.2:80'],
])('a port is shown where it is reached: %s', (_, { hostAddress, hostPort }, text) => {
  const port = {
    port: 80,
    protocol: 'tcp',
    hostAddress: hostAddress as IpAddress,
    hostPort,
    address: '10.5.0.2',
  } as const;
  expect(formatReach(port)).toBe(text);
  expect(formatPort(port)).toBe(`80/tcp -> ${text}`);
});

test.each([
  [undefined, ''],
  [['10.0.0.0/8', '192.0.2.7/32'], ' from 10.0.0.0/8, 192.0.2.7'],
  [['fd00::7/128', 'fd00::/32'], ' from fd00::7, fd00::/32'],
  [[], ' from nobody'],
])('a port says who may use it: %j', (from, text) => {
  const port = {
    port: 80,
    protocol: 'tcp',
    hostAddress: '0.0.0.0' as IpAddress,
    hostPort: 8080,
    address: '10.5.0.2',
    ...(from !== undefined && { from: from as Cidr[] }),
  } as const;
  expect(formatPort(port)).toBe(`80/tcp -> 0.0.0.0:8080${text}`);
});
