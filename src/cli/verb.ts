// What a verb of the command line is: its words and flags, and what it does with them.
import {
  type Command,
  type Options,
  type Parsed,
  parseCommandLine,
  usageText,
} from '../base/command-line.ts';
import type { Client } from '../client/client.ts';

export const defaultSocket = '/run/fairlead/api.sock';

/** What a verb may use. */
export interface Context {
  readonly client: Client;
  /** Path of the socket it speaks to. */
  readonly socket: string;
  /** Of the command line itself. */
  readonly version: string;
  /** Writes to stdout; resolves when more may be written. */
  readonly write: (data: string | Uint8Array) => Promise<void>;
  /** Writes one line to stderr. */
  readonly warn: (message: string) => void;
  /** Asks a person; undefined where there is none to ask. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
}

export interface Verb {
  readonly command: Command;
  /** Returns the exit status. Errors: `UsageError`, `NetError`. */
  readonly run: (args: readonly string[], context: Context) => Promise<number>;
}

/** A verb that succeeds unless `act` throws or returns another exit status. */
export function defineVerb<const O extends Options, const P extends readonly string[]>(
  command: Command<O, P>,
  act: (line: Parsed<O, P>, context: Context) => Promise<number> | Promise<void>,
): Verb {
  return {
    command,
    async run(args, context) {
      const line = parseCommandLine(command, args);
      const status = await (line === 'help' ? context.write(usageText(command)) : act(line, context));
      return typeof status === 'number' ? status : 0;
    },
  };
}
