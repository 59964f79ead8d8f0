// A launch plan in the form the static launcher reads, docs/launch-plan.md: `key=value` fields, each ended by a NUL byte.
import type { LaunchPlan } from '../../core/requests.ts';

type Field = readonly [key: string, value: string];

export function encodePlan(plan: LaunchPlan): string {
  return fields(plan)
    .map(([key, value]) => `${key}=${value}\0`)
    .join('');
}

function fields(plan: LaunchPlan): readonly Field[] {
  const { netns, hostname, sysfs, binds, user, directory, environment, command, detached } = plan;
  return [
    ...optional('netns', netns),
    ...optional('hostname', hostname),
    ...optional('sysfs', sysfs ? '1' : undefined),
    ...binds.map(({ source, target }): Field => ['bind', `${source}\n${target}`]),
    ...(user === undefined ? [] : userFields(user)),
    ['directory', directory],
    ...environment.map((word): Field => ['env', word]),
    ...command.map((word): Field => ['arg', word]),
    ...(detached === undefined ? [] : detachedFields(detached)),
  ];
}

function userFields({ uid, gid, groups }: NonNullable<LaunchPlan['user']>): readonly Field[] {
  return [
    ['uid', String(uid)],
    ['gid', String(gid)],
    ['groups', groups.join(',')],
  ];
}

function detachedFields(detached: NonNullable<LaunchPlan['detached']>): readonly Field[] {
  return [
    ...optional('tty', detached.terminal ? '1' : undefined),
    ['detach', '1'],
    ['id', detached.id],
    ['log', detached.logPath],
    ['state', detached.statePath],
    ['restart', detached.restart],
  ];
}

function optional(key: string, value: string | undefined): readonly Field[] {
  return value === undefined ? [] : [[key, value]];
}
