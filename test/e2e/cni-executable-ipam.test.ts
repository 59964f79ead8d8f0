// Addresses from an IPAM plugin of somebody else: when the executable `fairlead-cni` runs it, and what comes of it.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CniCall, callCni, documentOf } from '../support/cni-caller.ts';
import { FakeNetd } from '../support/fake-netd.ts';

const result = '{"ips":[{"address":"10.9.0.2/24"}]}';
const refusal = '{"cniVersion":"1.1.0","code":7,"msg":"no range"}';
const configuration = { cniVersion: '1.1.0', name: 'lab', type: 'fairlead-cni', ipam: { type: 'pool' } };
let netd: FakeNetd;

beforeEach(async () => {
  netd = await FakeNetd.start();
  netd.answerCni((response) => {
    writeFileSync(journalPath(), 'netd\n', { flag: 'a' });
    response.end('{}');
  });
});
afterEach(() => netd[Symbol.asyncDispose]());

/** Who was asked, in order. */
const journalPath = () => join(netd.folder, 'journal');
const journal = () =>
  existsSync(journalPath()) ? readFileSync(journalPath(), 'utf8').trimEnd().split('\n') : [];
const bin = () => join(netd.folder, 'bin');

/** Puts an IPAM plugin into CNI_PATH that makes an entry in the journal, then does what the script says. */
function install(script: string, name = 'pool', folder = bin()): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $CNI_COMMAND" >>${journalPath()}\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

function call(command: string, { env, input = configuration, ...rest }: CniCall = {}) {
  const own = { FAIRLEAD_HOST: netd.host, CNI_PATH: `/nowhere::${bin()}`, PATH: process.env['PATH'] };
  return callCni(command, { env: { ...own, ...env }, input, ...rest });
}

function refuseAll(): void {
  netd.answerCni((response) => {
    writeFileSync(journalPath(), 'netd\n', { flag: 'a' });
    response.writeHead(409).end(refusal);
  });
}

const ipamSent = () => netd.cniBodies.map((body) => JSON.parse(body).ipam);

describe('who is asked, in which order', () => {
  test.each([
    ['ADD', ['pool ADD', 'netd'], [result]],
    ['CHECK', ['pool CHECK', 'netd'], [undefined]],
    ['DEL', ['netd', 'pool DEL'], [undefined]],
    ['GC', ['netd', 'pool GC'], [undefined]],
    ['STATUS', ['netd', 'pool STATUS'], [undefined]],
  ])('%s', async (command, order, sent) => {
    install(`printf '%s' '${result}'`);
    expect(await call(command)).toEqual({ status: 0, stdout: '{}\n', stderr: '' });
    expect(journal()).toEqual(order);
    expect(ipamSent()).toEqual(sent);
  });

  test.each<[string, string, CniCall]>([
    ['no ipam', 'ADD', { input: { ...configuration, ipam: undefined } }],
    ['an empty type', 'ADD', { input: { ...configuration, ipam: { type: '' } } }],
    ['host-local', 'ADD', { input: { ...configuration, ipam: { type: 'host-local' } } }],
    ['static', 'DEL', { input: { ...configuration, ipam: { type: 'static' } } }],
    ['fairlead', 'STATUS', { input: { ...configuration, ipam: { type: 'fairlead' } } }],
    ['a later element of a chain', 'ADD', { input: { ...configuration, prevResult: {} } }],
    ['a loopback', 'ADD', { input: { ...configuration, type: 'loopback' } }],
    ['a loopback by name', 'DEL', { program: '/bin/loopback' }],
    ['GC before 1.1.0', 'GC', { input: { ...configuration, cniVersion: '1.0.0' } }],
    ['STATUS without a version', 'STATUS', { input: { ...configuration, cniVersion: undefined } }],
  ])('netd alone: %s', async (_what, command, given) => {
    for (const name of ['pool', 'host-local', 'static', 'fairlead']) install('echo "{}"', name);
    expect((await call(command, given)).status).toBe(0);
    expect(journal()).toEqual(['netd']);
  });

  test.each<[string, string, CniCall]>([
    ['keys in other letters', 'ADD', { input: { NAME: 'lab', Ipam: { TYPE: 'pool' } } }],
    ['no previous result', 'ADD', { input: { ...configuration, prevResult: null } }],
    ['DEL with a previous result', 'DEL', { input: { ...configuration, prevResult: {} } }],
    ['CHECK with a previous result', 'CHECK', { input: { ...configuration, prevResult: {} } }],
  ])('the plugin, too: %s', async (_what, command, given) => {
    install('echo "{}"');
    expect((await call(command, given)).status).toBe(0);
    expect(journal().sort()).toEqual(['netd', `pool ${command}`]);
  });
});

describe('how the plugin is run', () => {
  test('with the environment and the configuration of the call, and nothing else open', async () => {
    const kept = join(netd.folder, 'kept');
    install(`cat >${kept}.input; env >${kept}.env; ls /proc/self/fd >${kept}.fds; echo "to the log" >&2`);
    const input = ` ${JSON.stringify({ ...configuration, long: 'x'.repeat(200_000) })}\n`;
    const { status, stderr } = await call('DEL', { input, env: { CNI_ARGS: 'A=1', OTHER: 'x y' } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'to the log\n' });
    expect(readFileSync(`${kept}.input`, 'utf8')).toBe(input);
    const env = readFileSync(`${kept}.env`, 'utf8').split('\n');
    const said = ['CNI_COMMAND=DEL', 'CNI_CONTAINERID=c1', 'CNI_IFNAME=eth0', 'CNI_ARGS=A=1', 'OTHER=x y'];
    expect(env).toEqual(expect.arrayContaining([...said, `CNI_PATH=/nowhere::${bin()}`]));
    expect(env.filter((entry) => entry.startsWith('CNI_COMMAND='))).toHaveLength(1);
    const inherited = execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    expect(readFileSync(`${kept}.fds`, 'utf8')).toBe(inherited);
  });

  test('the first executable file of its name on the way', async () => {
    const [first, second, third] = ['1', '2', '3'].map((name) => join(netd.folder, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(join(first, 'pool'), { recursive: true });
    install('exit 1', 'pool', second);
    chmodSync(join(second, 'pool'), 0o644);
    install(`echo '${result}'`, 'pool', third);
    const { status } = await call('ADD', { env: { CNI_PATH: [first, second, third].join(':') } });
    expect({ status, sent: ipamSent() }).toEqual({ status: 0, sent: [`${result}\n`] });
  });

  test.each<[string, string, string]>([
    ['there is none of that name', 'absent', 'no plugin for ipam.type "absent" in CNI_PATH /nowhere::'],
    ['the name is a path', '../bin/pool', 'ipam.type "../bin/pool" is not the name of a plugin'],
    ['the name has a NUL', 'pool\0x', 'is not the name of a plugin'],
  ])('not when %s', async (_what, type, message) => {
    install('echo "{}"');
    const outcome = await call('ADD', { input: { ...configuration, ipam: { type } } });
    expect(outcome.status).toBe(1);
    expect(documentOf(outcome)).toMatchObject({ code: 7, msg: expect.stringContaining(message) });
    expect(journal()).toEqual([]);
  });

  test('not when it is no program: that is an I/O error', async () => {
    mkdirSync(bin());
    writeFileSync(join(bin(), 'pool'), '\x7fELF', { mode: 0o755 });
    const message = `ipam plugin ${join(bin(), 'pool')}: cannot start it: Exec format error`;
    expect(documentOf(await call('ADD'))).toMatchObject({ code: 5, msg: message });
  });
});

describe('when the plugin fails', () => {
  test.each([
    ['ADD', ['pool ADD', 'pool DEL']],
    ['CHECK', ['pool CHECK']],
    ['DEL', ['netd', 'pool DEL']],
    ['GC', ['netd', 'pool GC']],
    ['STATUS', ['netd', 'pool STATUS']],
  ])('at %s, its error is passed on', async (command, order) => {
    install(`echo '${refusal}'; exit 3`);
    expect(await call(command)).toEqual({ status: 1, stdout: `${refusal}\n`, stderr: '' });
    expect(journal()).toEqual(order);
  });

  test.each<[string, string, number, string, string | undefined]>([
    ['without a word', 'exit 3', 999, 'failed with exit status 3 and printed no error', undefined],
    ['with words', 'echo oh no; exit 1', 999, 'failed with exit status 1 and printed no error', 'oh no\n'],
    ['by a signal', 'kill -9 $$', 999, 'failed with exit status 137 and printed no error', undefined],
    ['by having no result', 'true', 6, 'printed no JSON object as its result', undefined],
    ['by a result that is no object', 'echo "[]"', 6, 'printed no JSON object as its result', '[]\n'],
    ['by a result that is not UTF-8', 'printf \'{"a":"\\377"}\'', 6, 'printed no JSON', '{"a":"\uFFFD"}'],
    ['by talking without end', 'exec cat /dev/zero', 5, 'it printed more than 8388608 bytes', undefined],
  ])('%s, that is told', async (_what, script, code, message, details) => {
    install(script);
    const outcome = await call('ADD');
    expect(outcome.status).toBe(1);
    const document = documentOf(outcome);
    expect(document).toMatchObject({ cniVersion: '1.1.0', code });
    expect(document['msg']).toContain(`ipam plugin ${join(bin(), 'pool')}`);
    expect(document['msg']).toContain(message);
    expect(document['details']).toBe(details);
    expect(journal()).toEqual(['pool ADD', 'pool DEL']);
  });
});

describe('when netd fails', () => {
  const failsAtDel = `[ $CNI_COMMAND = DEL ] && exit 9; echo '${result}'`;

  test('an ADD it refuses is taken back', async () => {
    install(failsAtDel);
    refuseAll();
    expect(await call('ADD')).toEqual({ status: 1, stdout: `${refusal}\n`, stderr: '' });
    expect(journal()).toEqual(['pool ADD', 'netd', 'pool DEL']);
  });

  test('an ADD it is away for is taken back', async () => {
    install(failsAtDel);
    await netd.die();
    expect(documentOf(await call('ADD'))).toMatchObject({ code: 11 });
    expect(journal()).toEqual(['pool ADD', 'pool DEL']);
  });

  test.each(['DEL', 'GC', 'STATUS'])('%s goes no further when it is refused', async (command) => {
    install('exit 9');
    refuseAll();
    expect(await call(command)).toEqual({ status: 1, stdout: `${refusal}\n`, stderr: '' });
    expect(journal()).toEqual(['netd']);
  });

  test('a deletion it is away for is kept, and the address is free all the same', async () => {
    install(':');
    await netd.die();
    expect(await call('DEL')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readdirSync(join(netd.folder, 'cni-deletions'))).toEqual(['lab@c1@eth0']);
    expect(journal()).toEqual(['pool DEL']);
  });
});
