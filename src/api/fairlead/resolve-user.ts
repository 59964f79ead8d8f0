// `--user USER[:GROUP]` as numeric ids, by the host's /etc/passwd and /etc/group (passwd(5), group(5)).
import { NetError } from '../../base/errors.ts';

/** The text of both files. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Absent for an id without an account. */
  readonly home?: string;
}

const maxId = 4294967294;

/**
 * A user alone brings its own group and those it is a member of; a group given replaces them all, as in Docker.
 * Errors: `invalid_parameter` for unknown names, and for an id without an account when no group is given.
 */
export function resolveUser(spec: string, accounts: Accounts): User {
  const [userName = '', groupName] = spec.split(':');
  const account = findAccount(userName, accounts.passwd);
  const uid = account?.uid ?? numericId(userName);
  if (uid === undefined) throw new NetError('invalid_parameter', `user ${userName} does not exist`);
  const home = account === undefined ? {} : { home: account.home };
  if (groupName !== undefined) return { uid, gid: findGroup(groupName, accounts.group), groups: [], ...home };
  if (account === undefined) {
    throw new NetError(
      'invalid_parameter',
      `user ${userName} has no account, so the group must be given: ${userName}:GROUP`,
    );
  }
  return { uid, gid: account.gid, groups: memberships(account.name, accounts.group), ...home };
}

function findAccount(user: string, passwd: string) {
  const accounts = records(passwd).map(([name = '', , uid, gid, , home = '/']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
  const id = numericId(user);
  return (
    accounts.find(({ name }) => name === user) ?? accounts.find(({ uid }) => id !== undefined && uid === id)
  );
}

function findGroup(group: string, text: string): number {
  const entry = records(text).find(([name]) => name === group);
  const gid = numericId(entry?.[2] ?? group);
  if (gid === undefined) throw new NetError('invalid_parameter', `group ${group} does not exist`);
  return gid;
}

function memberships(user: string, text: string): readonly number[] {
  return records(text)
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .map(([, , gid]) => Number(gid));
}

function records(text: string): readonly string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function numericId(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= maxId ? Number(text) : undefined;
}
