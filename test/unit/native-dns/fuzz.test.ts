// The native resolver against what nobody should send it, for some seconds; `npm run fuzz` goes on for longer.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const runs = 60_000;
const lacking = canFuzz() ? undefined : 'needs clang and its libFuzzer';

describe.skipIf(lacking !== undefined)(lacking ?? 'with sanitizers', () => {
  test.each([
    ['answer', 'messages of any bytes get a whole reply to their question, or none'],
    ['apply', 'changes of any bytes leave a table that answers'],
    ['remember', 'replies of any bytes are given again whole, or not at all'],
  ])('%s: %s', { timeout: 600_000 }, (target) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['scripts/fuzz.js', '--runs', String(runs), target],
      { encoding: 'utf8' },
    );
    expect(status, `${stdout}${stderr}`.slice(-4000)).toBe(0);
  });
});

function canFuzz(): boolean {
  const program = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }';
  const args = ['-fsanitize=fuzzer,address,undefined', '-x', 'c++', '-', '-o', '/dev/null'];
  return spawnSync('clang++', args, { input: program }).status === 0;
}
