// The command line: which verb is meant, whom to ask, and what the exit status is.
import { type Command, parseCommandLine, UsageError, usageText } from '../base/command-line.ts';
import { NetError } from '../base/errors.ts';
import { Client } from '../client/client.ts';
import { type Context, defaultSocket, type Verb } from './verb.ts';
import { commands, verbs } from './verbs.ts';

/** docs/errors.md lists the same. */
export const exitStatus = { done: 0, refused: 1, wrongUsage: 2 } as const;

export type Surroundings = Omit<Context, 'client' | 'socket'> & {
  readonly environment: Readonly<Record<string, string | undefined>>;
};

const program = {
  name: 'net',
  summary: 'Networks for processes: create them, put processes on them, reach them by name and by port.',
  operands: ['[VERB…]'],
  stopAtOperand: true,
  options: {
    host: {
      kind: 'value',
      short: 'H',
      value: 'SOCKET',
      help: "netd's socket (default: FAIRLEAD_HOST or unix:///run/fairlead/api.sock)",
    },
  },
} as const satisfies Command;

/** Carries out one command line (without the program's own name) and returns the exit status. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await dispatch(args, surroundings);
  } catch (error) {
    if (error instanceof UsageError) {
      surroundings.warn(error.message);
      return exitStatus.wrongUsage;
    }
    if (error instanceof NetError) {
      surroundings.warn(error.message);
      return exitStatus.refused;
    }
    throw error;
  }
}

async function dispatch(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const line = parseCommandLine(program, args);
  const [words] = line === 'help' ? [[]] : line.operands;
  if (words.length === 0 || words[0] === 'help') return printHelp(words.slice(1), surroundings);
  const verb = findVerb(words);
  const host = line === 'help' ? undefined : line.options.host;
  const socket = socketPath(host ?? (surroundings.environment['FAIRLEAD_HOST'] || undefined));
  const rest = words.slice(verb.command.name.split(' ').length - 1);
  try {
    return await verb.run(rest, { ...surroundings, client: new Client(socket), socket });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}\nsee '${verb.command.name} --help'`);
  }
}

async function printHelp(words: readonly string[], { write }: Surroundings): Promise<number> {
  await write(words.length === 0 ? overview() : usageText(findCommand(words)));
  return exitStatus.done;
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return `${usageText(program)}\nVerbs (net help VERB tells more):\n${lines.join('\n')}\n`;
}

/** Errors: `UsageError`, listing the verbs. */
function findVerb(words: readonly string[]): Verb {
  const command = findCommand(words);
  const verb = verbs.find((one) => one.command === command);
  if (verb !== undefined) return verb;
  throw new UsageError(`${command.name} is carried out by the executable bin/net, which npm run build makes`);
}

function findCommand(words: readonly string[]): Command {
  const called = (command: Command) =>
    command.name
      .split(' ')
      .slice(1)
      .every((word, i) => word === words[i]);
  const command = commands.find(called);
  if (command !== undefined) return command;
  const group = commands.filter(({ name }) => name.startsWith(`net ${words[0]} `));
  const known = (group.length > 0 ? group : commands).map(({ name }) => name.replace('net ', ''));
  const meant = group.length > 0 ? words.slice(0, 2).join(' ') : words[0];
  throw new UsageError(`unknown verb ${meant}; the verbs are ${known.join(', ')}, help`);
}

/** The path in `unix:///path`, or a path as it is. */
function socketPath(host = `unix://${defaultSocket}`): string {
  const path = host.replace(/^unix:\/\//, '');
  if (!path.startsWith('/')) throw new UsageError(`host ${host}: unix:///PATH is expected`);
  return path;
}
