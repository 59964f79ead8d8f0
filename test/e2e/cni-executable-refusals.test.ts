// What the executable `fairlead-cni` refuses by itself, with the codes of the specification, before netd is asked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CniCall, callCni, documentOf } from '../support/cni-caller.ts';
import { FakeNetd } from '../support/fake-netd.ts';

const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;
let netd: FakeNetd;

beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(() => netd[Symbol.asyncDispose]());

/** Calls it with FAIRLEAD_HOST naming the fake. */
function call(command: string, { env, ...rest }: CniCall = {}) {
  return callCni(command, { env: { FAIRLEAD_HOST: netd.host, ...env }, ...rest });
}

describe('what is refused before netd is asked', () => {
  const long = 'a'.repeat(120);
  const missing = 'lacks environment variables: CNI_CONTAINERID';
  const noVariables = { CNI_CONTAINERID: undefined, CNI_NETNS: '', CNI_IFNAME: undefined, CNI_PATH: '' };
  const named = (more: object) => ({ cniVersion: '0.4.0', name: 'lab', ...more });

  test.each<[string, string, CniCall, number, string]>([
    [
      'an unknown command',
      'GET',
      {},
      4,
      'CNI_COMMAND GET is unknown (known: ADD, DEL, CHECK, GC, STATUS, VERSION)',
    ],
    ['a command in small letters', 'add', {}, 4, 'CNI_COMMAND add is unknown'],
    ['all that ADD lacks', 'ADD', { env: noVariables }, 4, `ADD ${missing}, CNI_NETNS, CNI_IFNAME, CNI_PATH`],
    [
      'all that CHECK lacks',
      'CHECK',
      { env: noVariables },
      4,
      `CHECK ${missing}, CNI_NETNS, CNI_IFNAME, CNI_PATH`,
    ],
    ['all that DEL lacks', 'DEL', { env: noVariables }, 4, `DEL ${missing}, CNI_IFNAME, CNI_PATH`],
    ['what GC lacks', 'GC', { env: noVariables }, 4, 'GC lacks environment variables: CNI_PATH'],
    ['what STATUS lacks', 'STATUS', { env: noVariables }, 4, 'STATUS lacks environment variables: CNI_PATH'],
    [
      'one variable alone',
      'ADD',
      { env: { CNI_NETNS: '' } },
      4,
      'ADD lacks environment variables: CNI_NETNS',
    ],
    [
      'a container id with a space',
      'ADD',
      { env: { CNI_CONTAINERID: 'a b' } },
      4,
      'CNI_CONTAINERID a b is not of the form',
    ],
    [
      'a container id that begins with a dot',
      'DEL',
      { env: { CNI_CONTAINERID: '.a' } },
      4,
      'CNI_CONTAINERID .a is not',
    ],
    [
      'an interface name that is too long',
      'ADD',
      { env: { CNI_IFNAME: 'a23456789012345x' } },
      4,
      'is longer than 15 bytes',
    ],
    ['an interface name of one dot', 'ADD', { env: { CNI_IFNAME: '.' } }, 4, 'CNI_IFNAME . is not a name'],
    [
      'an interface name of two dots',
      'CHECK',
      { env: { CNI_IFNAME: '..' } },
      4,
      'CNI_IFNAME .. is not a name',
    ],
    [
      'a slash in it',
      'DEL',
      { env: { CNI_IFNAME: 'a/b' } },
      4,
      'CNI_IFNAME a/b contains a slash, a colon or white space',
    ],
    ['a colon in it', 'ADD', { env: { CNI_IFNAME: 'a:b' } }, 4, 'contains a slash, a colon or white space'],
    ['a tab in it', 'ADD', { env: { CNI_IFNAME: 'a\tb' } }, 4, 'contains a slash, a colon or white space'],
    [
      'no configuration',
      'ADD',
      { input: '' },
      6,
      'the configuration is not JSON: the text ends too early (byte 0)',
    ],
    ['a configuration cut off', 'DEL', { input: '{"name":' }, 6, 'the text ends too early (byte 8)'],
    [
      'a configuration that is no object',
      'ADD',
      { input: '["lab"]' },
      6,
      'the configuration is not a JSON object',
    ],
    [
      'a larger one than 8 MiB',
      'ADD',
      { input: ' '.repeat(8_388_609) },
      6,
      'the configuration is larger than 8388608 bytes',
    ],
    [
      'a name that is a number',
      'ADD',
      { input: { name: 7 } },
      6,
      'name of the configuration is not a string',
    ],
    [
      'a version that is a number',
      'ADD',
      { input: { cniVersion: 1 } },
      6,
      'cniVersion of the configuration is not a string',
    ],
    [
      'a socket that is a list',
      'ADD',
      { input: { socket: [] } },
      6,
      'socket of the configuration is not a string',
    ],
    [
      'an IPAM type that is true',
      'ADD',
      { input: { ipam: { type: true } } },
      6,
      'ipam.type of the configuration is not a',
    ],
    ['no name', 'ADD', { input: {} }, 7, 'the configuration has no name'],
    ['no name for DEL', 'DEL', { input: { type: 'x' } }, 7, 'the configuration has no name'],
    ['no name for CHECK', 'CHECK', { input: {} }, 7, 'the configuration has no name'],
    ['no name for GC', 'GC', { input: { name: null } }, 7, 'the configuration has no name'],
    ['an empty name', 'STATUS', { input: { name: '' } }, 7, 'the configuration has no name'],
    [
      'a name with a slash',
      'ADD',
      { input: { name: 'a/b' } },
      7,
      'name "a/b" of the configuration is not of the form',
    ],
    [
      'a name that begins with a hyphen',
      'ADD',
      { input: { name: '-a' } },
      7,
      'name "-a" of the configuration is not',
    ],
    [
      'a relative socket',
      'ADD',
      { input: named({ socket: 'x.sock' }) },
      7,
      'socket "x.sock" is not of the form unix:///PATH, nor',
    ],
    [
      'a socket elsewhere',
      'ADD',
      { input: named({ socket: 'tcp://h' }) },
      7,
      'socket "tcp://h" is not of the form',
    ],
    ['a socket with a NUL', 'ADD', { input: named({ socket: '/a\0b' }) }, 7, 'contains a NUL'],
    ['too long a socket', 'ADD', { input: named({ socket: `/${long}` }) }, 7, 'is longer than 107 bytes'],
    [
      'a FAIRLEAD_HOST without a scheme',
      'ADD',
      { env: { FAIRLEAD_HOST: '/x' } },
      4,
      'FAIRLEAD_HOST "/x" is not of the form unix:///PATH',
    ],
    [
      'too long a FAIRLEAD_HOST',
      'ADD',
      { env: { FAIRLEAD_HOST: `unix:///${long}` } },
      4,
      'is longer than 107 bytes',
    ],
  ])('%s', async (_what, command, given, code, message) => {
    const outcome = await call(command, given);
    expect(outcome).toMatchObject({ status: 1, stderr: '' });
    expect(outcome.stdout).toMatch(/^\{.*\}\n$/);
    const document = documentOf(outcome);
    expect(Object.keys(document)).toEqual(['cniVersion', 'code', 'msg']);
    expect(document['code']).toBe(code);
    expect(document['msg']).toContain(message);
    expect(netd.cniBodies).toEqual([]);
    expect(readdirSync(netd.folder)).toEqual(['api.sock']);
  });

  test.each(['CNI_ARGS', 'CNI_CONTAINERID', 'BAGGAGE'])('%s that is not UTF-8', async (variable) => {
    const variables = `CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/n CNI_IFNAME=e CNI_PATH=/p FAIRLEAD_HOST=${netd.host}`;
    const script = `env ${variables} ${variable}=$'a\\xff' ${executable} <<<'{"name":"lab"}'`;
    const child = spawn('bash', ['-c', script]);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    const [status] = await once(child, 'close');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 4, msg: expect.stringContaining(variable) });
    expect(netd.cniBodies).toEqual([]);
  });

  test.each([
    ['0.3.1', '0.3.1'],
    ['9.9.9', '1.1.0'],
    [undefined, '1.1.0'],
  ])('for a configuration of version %s the error is of version %s', async (cniVersion, expected) => {
    const document = documentOf(await call('ADD', { input: { CNIVERSION: cniVersion, name: '' } }));
    expect(document['cniVersion']).toBe(expected);
  });
});

describe('what is JSON (RFC 8259)', () => {
  const nested = (depth: number) => `${'['.repeat(depth - 1)}1${']'.repeat(depth - 1)}`;

  test.each([
    ['-0.5e+10'],
    ['[1E3, 0, 10.25, true, false, null, {}, [ ]]'],
    ['"\\u00fc\\ud83d\\udea2\\"\\\\\\/\\b\\f\\n\\r\\t é 網 🚢"'],
    [' \r\n\t{ "a" : { "a" : 1 } , "a" : 2 } '],
    [nested(128)],
  ])('%s is', async (value) => {
    const input = `{"name":"lab","x":${value}}`;
    const { status, stdout } = await call('DEL', { input });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(JSON.parse(netd.cniBodies[0] ?? '')).toMatchObject({ configuration: input });
  });

  test.each([
    ['01', 'a comma or the end of the list is missing'],
    ['+1', 'a value is missing'],
    ['.5', 'a value is missing'],
    ['1.', 'a number has no digit after its point'],
    ['1e', 'a number has an empty exponent'],
    ['True', 'a value is missing'],
    ['nul', 'a value is missing'],
    ['[1,]', 'a value is missing'],
    ['[1 2]', 'a comma or the end of the list is missing'],
    ['{"a" 1}', 'a colon is missing'],
    ['{a: 1}', 'a string is missing'],
    ['{"a":1,}', 'a string is missing'],
    ["'a'", 'a value is missing'],
    ['"\\x41"', 'an escape is unknown'],
    ['"\\u00g0"', 'an escape has too few digits'],
    ['"\n"', 'a string has a control character'],
    ['"a', 'the text ends too early'],
    [nested(129), 'there are more than 128 levels'],
    ['1} {', 'there is more after its end'],
    ['1} // no', 'there is more after its end'],
  ])('%s is not', async (value, reason) => {
    const outcome = await call('DEL', { input: `{"name":"lab","x":${value}${value === '"a' ? '' : '}'}` });
    expect(outcome.status).toBe(1);
    const message = expect.stringContaining(`the configuration is not JSON: ${reason} (byte`);
    expect(documentOf(outcome)).toMatchObject({ code: 6, msg: message });
    expect(netd.cniBodies).toEqual([]);
  });
});
