import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExpose, parsePublish, parseUnpublish } from '../../../src/model/publish-syntax.ts';

const tcp = (port: number, rest: object = {}) => ({ protocol: 'tcp', port, ...rest });
const at = (first: number, last = first) => ({ hostPort: { first, last } });

describe('publish syntax', () => {
  test.each([
    ['80', [tcp(80)]],
    [':80', [tcp(80)]],
    ['80/udp', [{ protocol: 'udp', port: 80 }]],
    ['80/SCTP', [{ protocol: 'sctp', port: 80 }]],
    ['8080:80', [tcp(80, at(8080))]],
    ['127.0.0.1:8080:80', [tcp(80, { hostAddress: '127.0.0.1', ...at(8080) })]],
    ['127.0.0.1::80', [tcp(80, { hostAddress: '127.0.0.1' })]],
    ['[::1]:8080:80', [tcp(80, { hostAddress: '::1', ...at(8080) })]],
    ['[fd00:0::1]::80/udp', [{ protocol: 'udp', port: 80, hostAddress: 'fd00::1' }]],
    ['80-82', [tcp(80), tcp(81), tcp(82)]],
    ['8000-8001:80-81', [tcp(80, at(8000)), tcp(81, at(8001))]],
    ['8000-8009:80', [tcp(80, at(8000, 8009))]],
    ['target=80', [tcp(80)]],
    [
      'target=80,published=8080,host-ip=[::1],protocol=udp',
      [{ protocol: 'udp', port: 80, hostAddress: '::1', ...at(8080) }],
    ],
    ['published=8000-8001,target=80-81', [tcp(80, at(8000)), tcp(81, at(8001))]],
    ['target=80,from=10.0.0.0/8', [tcp(80, { from: ['10.0.0.0/8'] })]],
    ['from=192.0.2.7,target=80,from=fd00:0::/8', [tcp(80, { from: ['192.0.2.7/32', 'fd00::/8'] })]],
    ['target=80,from=fd00::7,from=fd00:0::7/128', [tcp(80, { from: ['fd00::7/128'] })]],
    [
      'target=80-81,published=8000-8001,from=10.0.0.0/8',
      [tcp(80, { ...at(8000), from: ['10.0.0.0/8'] }), tcp(81, { ...at(8001), from: ['10.0.0.0/8'] })],
    ],
  ])('%s is understood', (text, requests) => {
    expect(parsePublish(text)).toEqual(requests);
  });

  test.each([
    ['', 'publish : "" is not a port (1 to 65535)'],
    ['0', '"0" is not a port'],
    ['65536', '"65536" is not a port'],
    ['8080:', '"" is not a port'],
    ['8080:http', '"http" is not a port'],
    ['-1:80', '"" is not a port'],
    ['80/icmp', 'unknown protocol icmp; known are tcp, udp, sctp'],
    ['80/tcp/udp', 'more than one /'],
    ['82-80', 'port range 82-80 ends before it begins'],
    ['80-81-82', '80-81-82 is not a port range'],
    ['8000-8001:80-82', '2 host ports cannot be paired with 3 ports'],
    ['8000:80-81', '1 host ports cannot be paired with 2 ports'],
    ['127.0.0.300:1:80', '127.0.0.300 is not an IP address'],
    ['::1:8080:80', 'an IPv6 host address is written in brackets'],
    ['[::1]:80', 'after the host address comes :HOSTPORT:PORT or ::PORT'],
    ['[::1]80', 'after the host address comes'],
    ['published=80', 'target=PORT is missing'],
    ['target=80,mode=host', 'unknown key mode; known are target, published'],
    ['target=80,target=81', 'target is given twice'],
    ['target=80,from=', 'publish target=80,from=: from= is empty'],
    ['target=80,from=lab', 'from: lab is not an IP address'],
    ['target=80,from=10.0.0.1/8', 'from: 10.0.0.1/8 has host bits set; the subnet is 10.0.0.0/8'],
    ['target=80,from=10.0.0.0/33', 'from: 10.0.0.0/33 is not in CIDR notation'],
    ['target=80,from=10.0.0.0/8,fd00::/8', 'unknown key fd00::/8; known are'],
  ])('%s is refused with what is wrong', (text, message) => {
    expect(() => parsePublish(text)).toThrow(message);
    expect(() => parsePublish(text)).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
  });

  test('what is written short or long is read as it was meant', () => {
    const port = fc.integer({ min: 1, max: 65535 });
    const request = fc.record(
      {
        protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
        port,
        hostAddress: fc.constantFrom('127.0.0.1', '0.0.0.0', '::1', 'fd00::5'),
        hostPort: fc.tuple(port, port).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
      },
      { requiredKeys: ['protocol', 'port'] },
    );
    fc.assert(
      fc.property(request, (wanted) => {
        const address = wanted.hostAddress ?? '';
        const host = wanted.hostPort === undefined ? '' : `${wanted.hostPort.first}-${wanted.hostPort.last}`;
        const prefix = address === '' ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
        const short = `${prefix}${host}:${wanted.port}/${wanted.protocol}`;
        const long = `target=${wanted.port},published=${host},host-ip=${address},protocol=${wanted.protocol}`;
        expect(parsePublish(short)).toEqual([wanted]);
        expect(parsePublish(long)).toEqual([wanted]);
      }),
    );
  });

  test('no text makes it fail in another way than with a reason', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d:[\]./=,-]{0,24}$/));
    fc.assert(
      fc.property(text, (garbage) => {
        try {
          expect(parsePublish(garbage).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({
            code: 'invalid_parameter',
          });
        }
      }),
    );
  });
});

test('exposed ports are ports and ranges with a protocol', () => {
  expect(parseExpose('80')).toEqual([tcp(80)]);
  expect(parseExpose('53-54/udp')).toEqual([
    { protocol: 'udp', port: 53 },
    { protocol: 'udp', port: 54 },
  ]);
  expect(() => parseExpose('8080:80')).toThrow('expose 8080:80: "8080:80" is not a port (1 to 65535)');
});

test('ports to take back are host ports with a protocol', () => {
  expect(parseUnpublish('8080')).toEqual([{ protocol: 'tcp', hostPort: 8080 }]);
  expect(parseUnpublish('8080/udp')).toEqual([{ protocol: 'udp', hostPort: 8080 }]);
});
