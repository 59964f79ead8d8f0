import { expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
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
