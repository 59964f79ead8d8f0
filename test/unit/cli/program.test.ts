import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { usageText } from '../../../src/base/command-line.ts';
import { commands } from '../../../src/cli/verbs.ts';
import { runNet, testCli } from '../../support/test-cli.ts';

const words = commands.map(({ name }) => name.replace('net ', ''));

describe('the command line', () => {
  test.each([[[]], [['help']], [['--help']], [['-h']]])('%j lists every verb', async (args) => {
    const { status, stdout } = await runNet(args);
    expect(status).toBe(0);
    for (const name of words) expect(stdout).toContain(`net ${name} `);
  });

  test.each(words)('net help %s shows its usage', async (name) => {
    const { status, stdout } = await runNet(['help', ...name.split(' ')]);
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: net ${name} [options]`);
  });

  test('a verb tells its usage when asked to', async () => {
    const { stdout } = await runNet(['sandbox', 'create', '--help']);
    expect(stdout).toContain('Usage: net sandbox create [options] NAME');
  });

  test.each([
    [['wat'], 'net: unknown verb wat; the verbs are run, exec, connect, disconnect,'],
    [['whence', 'a', 'b'], 'net: unknown verb whence'],
    [['sandbox'], 'net: unknown verb sandbox; the verbs are sandbox create, sandbox ls,'],
    [['sandbox', 'wat'], 'net: unknown verb sandbox wat; the verbs are sandbox create'],
    [['--wat'], 'net: unknown option --wat'],
    [['-H', 'tcp://1.2.3.4', 'ls'], 'net: host tcp://1.2.3.4: unix:///PATH is expected'],
    [['run', 'true'], 'net: net run is carried out by the executable bin/net'],
    [['ls', '--wat'], "net: unknown option --wat\nsee 'net ls --help'"],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stdout, stderr } = await runNet(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('a daemon that is not there is told with its socket', async () => {
    expect(await runNet(['-H', 'unix:///nowhere/api.sock', 'ls'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'net: cannot reach netd at unix:///nowhere/api.sock: no such socket; is netd running?\n',
    });
  });

  test('the socket may be given as a bare path', async () => {
    const { socket } = await testCli();
    expect((await runNet(['--host', socket, 'ls'])).status).toBe(0);
  });
});

describe('completions', () => {
  test.each(['bash', 'zsh', 'fish'])('%s knows every verb and flag', async (shell) => {
    const { status, stdout } = await runNet(['completion', shell]);
    expect(status).toBe(0);
    const known = new Set(stdout.split(/[\s"']+/));
    for (const name of words) for (const word of name.split(' ')) expect(known).toContain(word);
    const dashes = shell === 'fish' ? '' : '--';
    for (const { options } of commands) {
      for (const flag of Object.keys(options)) expect(known).toContain(`${dashes}${flag}`);
    }
  });

  test('another shell is wrong usage', async () => {
    expect(await runNet(['completion', 'tcsh'])).toMatchObject({ status: 2 });
  });

  test.each([
    [
      ['net', ''],
      ['connect', 'sandbox', 'run'],
    ],
    [
      ['net', 'sandbox', ''],
      ['create', 'ls', 'inspect', 'rm'],
    ],
    [
      ['net', 'sandbox', 'create', '--'],
      ['--hostname', '--label'],
    ],
    [['net', 'cluster', ''], ['status']],
    [
      ['net', 'dns', ''],
      ['query', 'ls', 'stats'],
    ],
    [['net', 'dns', 'query', '--'], ['--from']],
    [['net', 'cluster', 'status', '--'], ['--format']],
    [['net', 'connect', 'lab', '--if'], ['--ifname']],
  ])('bash completes %j', async (line, expected) => {
    const { stdout: script } = await runNet(['completion', 'bash']);
    const call = `COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}; _net; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const bash = spawn('bash', ['-c', `${script}\n${call}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    const offered = (await text(bash.stdout)).split('\n');
    expect(offered).toEqual(expect.arrayContaining(expected));
  });
});

test('docs/cli.md is what the program says of itself', async () => {
  const sections = commands.map(
    (command) => `## ${command.name}\n\n\`\`\`text\n${usageText(command)}\`\`\`\n`,
  );
  const { stdout } = await runNet(['help']);
  const document = `# The command line\n\nAs the program prints it; \`npx vitest run -u test/unit/cli/program.test.ts\` writes this file anew.\n\n\`\`\`text\n${stdout}\`\`\`\n\n${sections.join('\n')}`;
  await expect(document).toMatchFileSnapshot('../../../docs/cli.md');
});

describe('the program', () => {
  const program = new URL('../../../src/bin/net.ts', import.meta.url).pathname;

  function start(args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, ended };
  }

  test('prints to its streams and ends with the status', async () => {
    const { socket, controller } = await testCli();
    const { child, ended } = start(['rm', 'nothing'], { FAIRLEAD_HOST: `unix://${socket}` });
    expect(await text(child.stderr)).toBe('net: no network nothing\n');
    expect(await ended).toBe(1);
    expect(controller.networks()).toHaveLength(3);
  });

  test('ends quietly when its reader has gone', async () => {
    const { socket, controller } = await testCli();
    for (let i = 0; i < 400; i++) await controller.createNetwork({ name: `n${i}` });
    const { child, ended } = start(['ls', '--format', 'json'], { FAIRLEAD_HOST: `unix://${socket}` });
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await text(child.stderr)).toBe('');
    expect(await ended).toBe(0);
  });
});
