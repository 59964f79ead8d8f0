import { expect, test } from 'vitest';
import { errorName, NetlinkError } from '../../../../src/kernel/netlink/error.ts';

test.each([
  [1, 'EPERM'],
  [17, 'EEXIST'],
  [54, 'EXFULL'],
  [95, 'ENOTSUP'],
  [524, 'ENOTSUPP'],
  [999, 'E999'],
])('error number %i is %s', (errno, name) => {
  expect(errorName(errno)).toBe(name);
});

test("the kernel's own words come before the general text", () => {
  const error = new NetlinkError({ errno: 22, step: 3, extendedAck: 'Invalid prefix length', offset: 36 });
  expect(error.message).toBe('step 3: Invalid prefix length (EINVAL)');
  expect(error).toMatchObject({
    errno: 22,
    code: 'EINVAL',
    step: 3,
    extendedAck: 'Invalid prefix length',
    offset: 36,
  });
});

test('without them the general text stands', () => {
  expect(new NetlinkError({ errno: 17, step: 0 }).message).toBe('step 0: file already exists (EEXIST)');
});

test('a step that is about something says so', () => {
  expect(new NetlinkError({ errno: 30, step: 1, about: 'net/ipv4/ip_forward' }).message).toBe(
    'net/ipv4/ip_forward: read-only file system (EROFS)',
  );
});
