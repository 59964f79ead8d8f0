// What is said when the kernel refuses the rules that lead questions to us.
import { expect, test } from 'vitest';
import { rulesRefusal } from '../../../../src/dns/sockets/rules-refusal.ts';

test.each([
  ['EOPNOTSUPP', 'not_implemented', /Linux 5\.12/],
  ['EINVAL', 'not_implemented', /Linux 5\.12/],
  ['ENOENT', 'not_implemented', /Linux 5\.12/],
  ['EPERM', 'unavailable', /belongs to another socket/],
  ['ENOBUFS', 'unavailable', /no buffer space/],
])('%s is %s', (code, expected, text) => {
  const cause = Object.assign(new Error('no buffer space'), { code });
  const refusal = rulesRefusal(cause, '/run/docker/netns/abc');
  expect(refusal).toMatchObject({ code: expected, message: expect.stringMatching(text), cause });
  expect(refusal.message).toContain('/run/docker/netns/abc');
});
