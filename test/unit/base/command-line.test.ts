import { describe, expect, test } from 'vitest';
import { parseCommandLine, UsageError, usageText } from '../../../src/base/command-line.ts';

const brew = {
  name: 'kettle brew',
  summary: 'Brew a drink.',
  operands: ['DRINK', '[CUP…]'],
  options: {
    strong: { kind: 'flag', short: 's', help: 'twice the leaves' },
    name: { kind: 'value', short: 'n', value: 'NAME', help: 'for whom' },
    add: { kind: 'list', short: 'a', value: 'THING', help: 'what goes in' },
    'steep-time': { kind: 'value', value: 'SECONDS', help: 'how long' },
  },
} as const;

const parse = (...args: string[]) => parseCommandLine(brew, args);
const wrapper = { ...brew, operands: ['CMD', '[ARG…]'], stopAtOperand: true } as const;

describe('a command line', () => {
  test('options and operands may be mixed', () => {
    expect(parse('tea', '-s', '--add', 'milk', 'blue', '-a=x', '--name=ann')).toEqual({
      options: { strong: true, name: 'ann', add: ['milk', '=x'], 'steep-time': undefined },
      operands: ['tea', ['blue']],
    });
  });

  test('short options may be grouped and carry their value', () => {
    expect(parse('tea', '-snbob')).toMatchObject({ options: { strong: true, name: 'bob' } });
  });

  test('of a repeated value the last one counts', () => {
    expect(parse('tea', '--name', 'a', '--name', 'b')).toMatchObject({ options: { name: 'b' } });
  });

  test('a flag can be switched off', () => {
    expect(parse('tea', '--strong=false')).toMatchObject({ options: { strong: false } });
    expect(parse('tea')).toMatchObject({ options: { strong: undefined } });
  });

  test('a value may begin with one dash', () => {
    expect(parse('tea', '--steep-time', '-5')).toMatchObject({ options: { 'steep-time': '-5' } });
  });

  test('after -- everything is an operand', () => {
    expect(parse('tea', '--', '-s', '--what')).toMatchObject({
      options: { strong: undefined },
      operands: ['tea', ['-s', '--what']],
    });
  });

  test.each([
    [['tea', '--wat'], 'unknown option --wat'],
    [['tea', '-x'], 'unknown option -x'],
    [['tea', '--constructor'], 'unknown option --constructor'],
    [['tea', '--name'], 'option --name needs a value'],
    [['tea', '--name', '--strong'], 'option --name needs a value'],
    [['tea', '--strong=very'], 'option --strong is true or false, not very'],
    [[], 'DRINK is missing'],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(new UsageError(message));
  });

  test('too many operands are refused', () => {
    const one = { ...brew, operands: ['DRINK', '[CUP]'] } as const;
    expect(() => parseCommandLine(one, ['tea', 'blue', 'red'])).toThrow('unexpected argument red');
  });

  test('an operand that repeats must be there once unless it is in brackets', () => {
    const many = { ...brew, operands: ['DRINK…'] } as const;
    expect(parseCommandLine(many, ['a', 'b'])).toMatchObject({ operands: [['a', 'b']] });
    expect(() => parseCommandLine(many, [])).toThrow('DRINK is missing');
  });
});

describe('a command line that wraps another', () => {
  test.each([[['-s', 'sh', '-c', 'exit 1']], [['-s', '--', 'sh', '-c', 'exit 1']]])(
    '%j leaves what follows the command alone',
    (args) => {
      expect(parseCommandLine(wrapper, args)).toMatchObject({
        options: { strong: true },
        operands: ['sh', ['-c', 'exit 1']],
      });
    },
  );

  test('a help flag of the wrapped command is not ours', () => {
    expect(parseCommandLine(wrapper, ['sh', '--help'])).toMatchObject({ operands: ['sh', ['--help']] });
    expect(parseCommandLine(wrapper, ['--help', 'sh'])).toBe('help');
  });

  test('the value of an option is not the command', () => {
    expect(parseCommandLine(wrapper, ['-n', 'ann', 'sh'])).toMatchObject({
      options: { name: 'ann' },
      operands: ['sh', []],
    });
  });
});

test('help is given also where the rest is wrong', () => {
  expect(parse('-h')).toBe('help');
  expect(parse('--wat', '--help')).toBe('help');
});

test('the usage text shows every option', () => {
  expect(usageText(brew)).toBe(`Usage: kettle brew [options] DRINK [CUP…]

Brew a drink.

Options:
  -s, --strong              twice the leaves
  -n, --name NAME           for whom
  -a, --add THING           what goes in
      --steep-time SECONDS  how long
  -h, --help                print this text
`);
});
