import { expect, test } from 'vitest';
import { resolveUser } from '../../../../src/api/fairlead/resolve-user.ts';

const accounts = {
  passwd:
    '# people\nroot:x:0:0::/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n1000x:x:5:5::/:/bin/sh\n',
  group: 'root:x:0:\nann:x:1000:\naudio:x:29:bob,ann\nvideo:x:44:ann\nannex:x:50:annie\n',
};

test.each([
  ['ann', { uid: 1000, gid: 1000, groups: [29, 44], home: '/home/ann' }],
  ['1000', { uid: 1000, gid: 1000, groups: [29, 44], home: '/home/ann' }],
  ['ann:audio', { uid: 1000, gid: 29, groups: [], home: '/home/ann' }],
  ['ann:7', { uid: 1000, gid: 7, groups: [], home: '/home/ann' }],
  ['4242:7', { uid: 4242, gid: 7, groups: [] }],
  ['root', { uid: 0, gid: 0, groups: [], home: '/root' }],
])('%s is found', (spec, user) => {
  expect(resolveUser(spec, accounts)).toEqual(user);
});

test.each([
  ['bob', 'user bob does not exist'],
  ['', 'user  does not exist'],
  ['4242', 'user 4242 has no account, so the group must be given: 4242:GROUP'],
  ['ann:wheel', 'group wheel does not exist'],
  ['ann:', 'group  does not exist'],
  ['99999999999', 'user 99999999999 does not exist'],
])('%j is refused', (spec, message) => {
  expect(() => resolveUser(spec, accounts)).toThrow(message);
});
