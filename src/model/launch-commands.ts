// The command lines of `net run` and `net exec`: parsed by the daemon, because the static front does not know them, and
// shown by the command line's help and completions.
import type { Command, Options } from '../base/command-line.ts';

/** How a process is started, the same for both. */
const processOptions = {
  user: { kind: 'value', short: 'u', value: 'USER[:GROUP]', help: 'run as this user, by name or id' },
  workdir: { kind: 'value', short: 'w', value: 'DIR', help: 'working directory (default: the present one)' },
  env: { kind: 'list', short: 'e', value: 'KEY=VALUE', help: 'set an environment variable' },
} as const satisfies Options;

/** What a sandbox is apart from its networks; `net sandbox create` takes the same. */
export const sandboxOptions = {
  hostname: { kind: 'value', value: 'NAME', help: 'host name inside (default: the name of the sandbox)' },
  dns: { kind: 'list', value: 'ADDR', help: "ask this name server instead of the host's" },
  'dns-search': { kind: 'list', value: 'DOMAIN', help: 'search domain' },
  'dns-option': { kind: 'list', value: 'OPTION', help: 'resolver option, see resolv.conf(5)' },
  'add-host': { kind: 'list', value: 'NAME:ADDR', help: 'further line of /etc/hosts' },
  label: { kind: 'list', value: 'K=V', help: 'label of the sandbox' },
} as const satisfies Options;

export const runCommand = {
  name: 'net run',
  summary: 'Run a process in a sandbox of its own, connected to networks.',
  operands: ['CMD', '[ARG…]'],
  stopAtOperand: true,
  options: {
    name: { kind: 'value', value: 'NAME', help: 'name of the sandbox (default: made up)' },
    network: {
      kind: 'list',
      value: 'NET[:k=v,…]',
      help: 'network to join (default: bridge), also host, none or sandbox:OTHER; keys: ip, alias, mac, ifname, gw-priority, others are driver options',
    },
    publish: {
      kind: 'list',
      short: 'p',
      value: 'PORT',
      help: '[HOSTIP:][HOSTPORT]:PORT[/PROTOCOL], or target=PORT,published=HOSTPORT,from=CIDR',
    },
    'publish-all': { kind: 'flag', short: 'P', help: 'publish every exposed port on a port of the host' },
    expose: { kind: 'list', value: 'PORT', help: 'PORT[-END][/PROTOCOL] made known without being published' },
    ip: { kind: 'list', value: 'IP', help: 'address on the first network' },
    alias: { kind: 'list', value: 'NAME', help: 'further name on the first network' },
    link: { kind: 'list', value: 'TARGET:ALIAS', help: 'private name for another sandbox' },
    ...sandboxOptions,
    detach: { kind: 'flag', short: 'd', help: 'run in the background, output to a log; prints the id' },
    rm: { kind: 'flag', help: 'remove the sandbox when its process ends (default unless detached)' },
    interactive: { kind: 'flag', short: 'i', help: 'accepted for habit: input always passes through' },
    tty: {
      kind: 'flag',
      short: 't',
      help: 'give a detached process a terminal; in front, insist on having one',
    },
    restart: {
      kind: 'value',
      value: 'POLICY',
      help: 'no, always, on-failure or on-failure:N (detached only; default no)',
    },
    ...processOptions,
  },
} as const satisfies Command;

export const execCommand = {
  name: 'net exec',
  summary: 'Run a further process in a sandbox.',
  operands: ['TARGET', 'CMD', '[ARG…]'],
  stopAtOperand: true,
  options: {
    ...processOptions,
    interactive: { kind: 'flag', short: 'i', help: 'accepted for habit: input always passes through' },
    tty: { kind: 'flag', short: 't', help: 'insist on a terminal' },
  },
} as const satisfies Command;
