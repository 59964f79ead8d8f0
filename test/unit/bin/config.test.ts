// Settings of the daemon: precedence, and every refusal.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readConfig } from '../../../src/bin/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'fairlead-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(content: string): string {
  const path = join(directory, 'netd.json');
  writeFileSync(path, content);
  return path;
}

test('a flag wins over a variable, a variable over the file, the file over the default', () => {
  const path = file('{"runDir":"/from-file","stateDir":"/from-file","netnsDir":"/from-file"}');
  const env = { FAIRLEAD_RUN_DIR: '/from-env', FAIRLEAD_STATE_DIR: '/from-env' };
  expect(readConfig(['--config', path, '--run-dir', '/from-flag'], env)).toMatchObject({
    runDir: '/from-flag',
    stateDir: '/from-env',
    netnsDir: '/from-file',
    dockerPluginDir: '/run/docker/plugins',
  });
});

test('lists repeat as flags, stand in an array in the file and are separated by spaces in a variable', () => {
  const expected = [
    { base: '10.1.0.0/16', size: 24 },
    { base: '10.2.0.0/16', size: 26 },
  ];
  const texts = ['10.1.0.0/16,24', '10.2.0.0/16,26'];
  expect(
    readConfig(
      texts.flatMap((text) => ['--pool', text]),
      {},
    )?.pools,
  ).toEqual(expected);
  expect(readConfig([], { FAIRLEAD_POOL: texts.join(' ') })?.pools).toEqual(expected);
  expect(readConfig(['--config', file(JSON.stringify({ pool: texts }))], {})?.pools).toEqual(expected);
});

test('help is told apart from settings', () => {
  expect(readConfig(['--help'], {})).toBeUndefined();
});

test.each([
  [['--no-such'], '--no-such'],
  [['--run-dir', 'relative'], '--run-dir: relative is not an absolute path'],
  [['--firewall', 'ufw'], '--firewall: ufw is none of auto, nftables, iptables, none'],
  [['--log-level', 'loud'], '--log-level: loud is none of'],
  [['--log-format', 'xml'], '--log-format: xml is none of text, json'],
  [['--dns', '1.2.3'], '--dns: 1.2.3 is not an IP address'],
  [['--pool', '10.0.0.0/16'], '--pool: 10.0.0.0/16 is not CIDR,SIZE'],
  [['--pool', '10.0.0.0/16,8'], 'a size from 16 to 30'],
  [['--listen-metrics', '127.0.0.1:9090'], '--listen-metrics is not available in this version'],
  [['--host-name', 'a'.repeat(64)], `--host-name: ${'a'.repeat(64)} is no name of 1 to 63 characters`],
  [['--host-name', '-a'], '--host-name: -a is no name of'],
  [['--host-name', ''], '--host-name:  is no name of'],
  [['--config', '/does/not/exist'], '/does/not/exist cannot be read'],
])('refuses %j', (args, message) => {
  expect(() => readConfig(args, {})).toThrow(message);
});

test("a host without a name of its own has the system's, in the form of names", () => {
  expect(readConfig([], {})?.hostName).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/);
  expect(readConfig(['--host-name', 'rack-1.example_2'], {})?.hostName).toBe('rack-1.example_2');
});

test.each([
  ['{"runDirectory":"/x"}', 'unknown key runDirectory; known are runDir'],
  ['{"runDir":5}', 'runDir: 5 is not a string'],
  ['[]', 'is not a JSON object'],
  ['{', 'is not JSON'],
])('refuses the file %s', (content, message) => {
  expect(() => readConfig(['--config', file(content)], {})).toThrow(message);
});
