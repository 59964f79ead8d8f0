import { describe, expect, test } from 'vitest';
import { testCli } from '../../../support/test-cli.ts';

describe('net why', () => {
  test('prints each step, and succeeds when the packet gets through', async () => {
    const { net } = await testCli();
    expect(await net('why', 'web', 'db')).toMatchObject({
      status: 0,
      stdout: 'an echo request from web to db at 10.0.0.2\n  ✓ it arrives\ngets through\n',
    });
  });

  test('names the reason and what would change it, and fails, when it does not', async () => {
    const { net } = await testCli();
    const { status, stdout } = await net('why', 'web', 'closed:80');
    expect(status).toBe(1);
    expect(stdout).toContain('  ✗ a rule drops it\ndoes not get through: it is closed\nchange: net open\n');
  });

  test.each([
    { to: 'db', theory: 'gets through', status: 0 },
    { to: 'closed', theory: 'change: net open', status: 1 },
  ])('prints what a real packet to $to met, and fails where that is something else', async (one) => {
    const { net } = await testCli();
    const { status, stdout } = await net('why', '--probe', 'web', one.to);
    expect(status).toBe(one.status);
    expect(stdout).toContain(`${one.theory}\nprobe: it is answered\n`);
  });

  test('prints the whole answer as json', async () => {
    const { net } = await testCli();
    const { stdout } = await net('why', 'web', 'db', '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      from: 'web',
      to: 'db',
      passes: true,
      ways: [{ passes: true }],
    });
  });
});
