import { expect, test } from 'vitest';
import { parseAllowance } from '../../../src/model/allowance-syntax.ts';

const tcp = (first: number, last = first) => ({ protocol: 'tcp', first, last });

test.each([
  ['db', { ref: 'db' }, undefined],
  ['network:lab', { kind: 'network', ref: 'lab' }, undefined],
  ['sandbox:db:5432', { kind: 'sandbox', ref: 'db' }, tcp(5432)],
  ['db:8000-8009/UDP', { ref: 'db' }, { protocol: 'udp', first: 8000, last: 8009 }],
  ['network:80/tcp', { ref: 'network' }, tcp(80)],
  ['sandbox:80', { kind: 'sandbox', ref: '80' }, undefined],
  ['0123456789ab:1/sctp', { ref: '0123456789ab' }, { protocol: 'sctp', first: 1, last: 1 }],
])('what is reached: %s', (text, to, ports) => {
  expect(parseAllowance({ from: 'web', to: text })).toEqual({
    from: { ref: 'web' },
    to,
    ...(ports !== undefined && { ports }),
  });
});

test.each([
  ['', 'db', 'policy from : the name of a network or a sandbox is expected'],
  ['web/tcp', 'db', 'policy from web/tcp: the name of a network or a sandbox is expected'],
  ['web:80', 'db', 'policy from web:80: ports are those of the other end'],
  [
    'web',
    ':80',
    'policy to :80: the name of a network or a sandbox is expected, network:NAME or sandbox:NAME',
  ],
  ['web', 'db:', 'policy to db:: "" is not a port (1 to 65535)'],
  ['web', 'db:http', 'policy to db:http: "http" is not a port'],
  ['web', 'db:90-80', 'port range 90-80 ends before it begins'],
  ['web', 'db:80/icmp', 'unknown protocol icmp; known are tcp, udp, sctp'],
  ['web', 'db:80/tcp/udp', 'more than one /'],
  ['web', 'fd00::1', 'policy to fd00::1: ":1" is not a port'],
])('from %j to %j is refused with what is wrong', (from, to, message) => {
  expect(() => parseAllowance({ from, to })).toThrow(message);
  expect(() => parseAllowance({ from, to })).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
});
