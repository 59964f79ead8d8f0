import { describe, expect, test } from 'vitest';
import { cniError, config } from './requests.ts';

describe('the capability portMappings', () => {
  const ports = (...portMappings: object[]) => config({ runtimeConfig: { portMappings } }).ports;

  test('publishes ports', () => {
    expect(
      ports(
        { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
        { HostPort: 53, ContainerPort: 5353, Protocol: 'UDP', HostIP: '' },
        { hostPort: 9, containerPort: 9, protocol: 'SCTP', hostIP: '::' },
        { hostPort: 7, containerPort: 7 },
      ),
    ).toEqual([
      { protocol: 'tcp', port: 80, hostPort: { first: 8080, last: 8080 }, hostAddress: '127.0.0.1' },
      { protocol: 'udp', port: 5353, hostPort: { first: 53, last: 53 } },
      { protocol: 'sctp', port: 9, hostPort: { first: 9, last: 9 }, hostAddress: '::' },
      { protocol: 'tcp', port: 7, hostPort: { first: 7, last: 7 } },
    ]);
  });

  test('skips mappings without a host port', () => {
    expect(ports({ containerPort: 80 }, { hostPort: 0, containerPort: 80, protocol: 'tcp' })).toEqual([]);
  });

  test.each([
    [{ hostPort: 80 }, 7, 'portMappings\\[0\\]\\.containerPort is missing'],
    [{ hostPort: 80, containerPort: 0 }, 7, 'containerPort: 0 is not from 1 to 65535'],
    [{ hostPort: -1, containerPort: 80 }, 7, 'hostPort: -1 is not from 0 to 65535'],
    [{ hostPort: 65_536, containerPort: 80 }, 7, 'hostPort: 65536 is not'],
    [{ hostPort: '80', containerPort: 80 }, 6, 'hostPort: "80" is not an integer'],
    [
      { hostPort: 80, containerPort: 80, protocol: 'icmp' },
      7,
      'protocol: "icmp" is not one of tcp, udp, sctp',
    ],
  ])('refuses %j', (mapping, code, message) => {
    expect(() => ports(mapping)).toThrow(cniError(code, new RegExp(message)));
  });

  test('refuses a host address that is none', () => {
    expect(() => ports({ hostPort: 80, containerPort: 80, hostIP: 'x' })).toThrow(
      /hostIP: x is not an IP address/,
    );
  });
});
