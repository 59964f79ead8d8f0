// All verbs of the command line, in the order help lists them.
import type { Command } from '../base/command-line.ts';
import { execCommand, runCommand } from '../model/launch-commands.ts';
import { connectCommand, disconnectCommand } from '../model/membership-commands.ts';
import { check } from './commands/check.ts';
import { clusterStatus } from './commands/cluster.ts';
import { completion } from './commands/completion.ts';
import { create } from './commands/create.ts';
import { dnsLs, dnsQuery } from './commands/dns.ts';
import { dnsStats } from './commands/dns-stats.ts';
import { events } from './commands/events.ts';
import { graph } from './commands/graph.ts';
import { inspect } from './commands/inspect.ts';
import { builtPlugin, install, uninstall } from './commands/install.ts';
import { kill } from './commands/kill.ts';
import { logs } from './commands/logs.ts';
import { ls } from './commands/ls.ts';
import { policyAdd, policyInspect, policyLs, policyRm } from './commands/policy.ts';
import { port } from './commands/port.ts';
import { prune } from './commands/prune.ts';
import { ps } from './commands/ps.ts';
import { publish, unpublish } from './commands/publish.ts';
import { rm } from './commands/rm.ts';
import { sandboxCreate, sandboxInspect, sandboxLs, sandboxRm } from './commands/sandbox.ts';
import { stop } from './commands/stop.ts';
import { version } from './commands/version.ts';
import { why } from './commands/why.ts';
import type { Verb } from './verb.ts';

/** Those carried out here. */
export const verbs: readonly Verb[] = [
  create,
  ls,
  inspect,
  rm,
  prune,
  ps,
  logs,
  stop,
  kill,
  sandboxCreate,
  sandboxLs,
  sandboxInspect,
  sandboxRm,
  port,
  publish,
  unpublish,
  policyAdd,
  policyLs,
  policyInspect,
  policyRm,
  clusterStatus,
  dnsQuery,
  dnsLs,
  dnsStats,
  events,
  check,
  why,
  graph,
  install(builtPlugin),
  uninstall(builtPlugin),
  version,
  completion(() => commands),
];

/** Those above, and those that the static front carries out without starting Node. */
export const commands: readonly Command[] = [
  runCommand,
  execCommand,
  connectCommand,
  disconnectCommand,
  ...verbs.map(({ command }) => command),
];
