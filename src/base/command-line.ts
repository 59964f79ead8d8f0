// Command lines: what a verb takes is told once, and parsing, refusals and usage text follow from it.
import { parseArgs } from 'node:util';

export interface Option {
  /** A `flag` takes no value (or `=true`, `=false`); the last `value` given counts; a `list` collects. */
  readonly kind: 'flag' | 'value' | 'list';
  /** One letter, used with a single dash. */
  readonly short?: string;
  /** Stands for the value in the usage text. */
  readonly value?: string;
  readonly help: string;
}

/** By long name, without dashes. */
export type Options = Readonly<Record<string, Option>>;

export interface Command<O extends Options = Options, P extends readonly string[] = readonly string[]> {
  /** The words that call it, e.g. `net sandbox create`. */
  readonly name: string;
  readonly summary: string;
  /** In the words of the usage text: `NAME` must be there, `[NAME]` may be; the last one may repeat: `NAME…`, `[NAME…]`. */
  readonly operands: P;
  readonly options: O;
  /** Everything from the first operand on is an operand, dashes or not. */
  readonly stopAtOperand?: boolean;
}

type OptionValue<K extends Option['kind']> = K extends 'list'
  ? readonly string[]
  : (K extends 'flag' ? boolean : string) | undefined;

type OperandValue<Word extends string> = Word extends `${string}…` | `[${string}…]`
  ? readonly string[]
  : Word extends `[${string}]`
    ? string | undefined
    : string;

export interface Parsed<O extends Options, P extends readonly string[]> {
  readonly options: { readonly [Name in keyof O]: OptionValue<O[Name]['kind']> };
  readonly operands: { readonly [Index in keyof P]: OperandValue<P[Index]> };
}

/** A command line that cannot be understood; the message names the word. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

const help: Option = { kind: 'flag', short: 'h', help: 'print this text' };

/** Returns `help` when that is what is asked for. Errors: `UsageError`. */
export function parseCommandLine<const O extends Options, const P extends readonly string[]>(
  command: Command<O, P>,
  args: readonly string[],
): Parsed<O, P> | 'help' {
  const options = withHelp(command.options);
  const { tokens, rest } = split(options, args, command.stopAtOperand ?? false);
  const given = tokens.filter((token) => token.kind === 'option');
  if (given.some((token) => token.name === 'help')) return 'help';
  const values = collectValues(options, given);
  const operands = [
    ...tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])),
    ...rest,
  ];
  // The two types follow from the command's own words, which the compiler cannot see the functions below obey.
  return { options: values, operands: assignOperands(command.operands, operands) } as unknown as Parsed<O, P>;
}

/** What `--help` prints, ended by a newline. */
export function usageText(command: Command): string {
  const words = [command.name, '[options]', ...command.operands];
  const rows = Object.entries(withHelp(command.options)).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.kind === 'flag' ? '' : ` ${option.value ?? 'VALUE'}`;
    return { left: `  ${short}--${name}${value}`, right: option.help };
  });
  const width = Math.max(...rows.map((row) => row.left.length)) + 2;
  const lines = rows.map((row) => `${row.left.padEnd(width)}${row.right}`);
  return `Usage: ${words.join(' ')}\n\n${command.summary}\n\nOptions:\n${lines.join('\n')}\n`;
}

function withHelp(options: Options): Options {
  const shortTaken = Object.values(options).some((option) => option.short === help.short);
  const { short: _, ...longOnly } = help;
  return { ...options, help: shortTaken ? longOnly : help };
}

function tokenize(options: Options, args: readonly string[]) {
  const known = Object.entries(options).map(([name, option]) => {
    const type = option.kind === 'flag' ? ('boolean' as const) : ('string' as const);
    return [name, { type, ...(option.short !== undefined && { short: option.short }) }] as const;
  });
  // Not strict: the refusals of parseArgs are worded for programmers.
  const config = { options: Object.fromEntries(known), strict: false, allowPositionals: true } as const;
  return parseArgs({ ...config, args: [...args], tokens: true }).tokens;
}

/** The tokens of the verb's own part, and what follows the first operand where that part ends there. */
function split(options: Options, args: readonly string[], stopAtOperand: boolean) {
  const tokens = tokenize(options, args);
  const first = tokens.find((token) => token.kind !== 'option');
  if (!stopAtOperand || first === undefined) return { tokens, rest: [] };
  const start = first.kind === 'option-terminator' ? first.index + 1 : first.index;
  return { tokens: tokens.slice(0, tokens.indexOf(first)), rest: args.slice(start) };
}

function collectValues(options: Options, given: readonly OptionToken[]) {
  const values: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, option] of Object.entries(options))
    values[name] = option.kind === 'list' ? [] : undefined;
  for (const token of given) {
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(`unknown option ${token.rawName}`);
    const list = values[token.name];
    if (option.kind === 'flag') values[token.name] = flagValue(token);
    else if (Array.isArray(list)) list.push(textValue(token));
    else values[token.name] = textValue(token);
  }
  return values;
}

function flagValue(token: OptionToken): boolean {
  if (token.value === undefined || token.value === 'true') return true;
  if (token.value === 'false') return false;
  throw new UsageError(`option ${token.rawName} is true or false, not ${token.value}`);
}

/** A word with two dashes is taken for the next option, not for a value; `--name=--x` says otherwise. */
function textValue(token: OptionToken): string {
  if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
    throw new UsageError(`option ${token.rawName} needs a value`);
  }
  return token.value;
}

function assignOperands(words: readonly string[], given: readonly string[]) {
  const required = words.filter((word) => !word.startsWith('['));
  const repeats = words.at(-1)?.includes('…') ?? false;
  const missing = required[given.length];
  if (missing !== undefined) throw new UsageError(`${missing.replace('…', '')} is missing`);
  const extra = given[words.length];
  if (extra !== undefined && !repeats) throw new UsageError(`unexpected argument ${extra}`);
  return words.map((word, i) => (word.includes('…') ? given.slice(i) : given[i]));
}
