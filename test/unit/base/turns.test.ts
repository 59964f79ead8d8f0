import { describe, expect, test } from 'vitest';
import { Turns } from '../../../src/base/turns.ts';

describe('turns of the event loop', () => {
  test('the first that asks begins before other work of the loop, the others after it, in order', async () => {
    const turns = new Turns();
    const begun: string[] = [];
    const begin = (name: string) => turns.next().then(() => begun.push(name));
    const all = [begin('a'), begin('b'), begin('c')];
    const other = new Promise<void>((resolve) => {
      setImmediate(() => {
        begun.push('other work');
        resolve();
      });
    });
    await Promise.all([...all, other]);
    expect(begun).toEqual(['a', 'b', 'other work', 'c']);
  });

  test('one that comes later does not wait', async () => {
    const turns = new Turns();
    await turns.next();
    await new Promise((resolve) => setImmediate(resolve));
    const begun: string[] = [];
    void turns.next().then(() => begun.push('late'));
    await Promise.resolve();
    await Promise.resolve();
    expect(begun).toEqual(['late']);
  });
});
