import { describe, expect, test } from 'vitest';
import { NetError, toNetError } from '../../../src/base/errors.ts';
import { allDone, runAll, withUndo } from '../../../src/base/undo.ts';

describe('undo', () => {
  test('is not run when the work succeeds', async () => {
    const done: string[] = [];
    const result = await withUndo(async (undo) => {
      undo(() => void done.push('undone'));
      return 7;
    });
    expect(result).toBe(7);
    expect(done).toEqual([]);
  });

  test('runs backwards, one after the other, and the error of the work is thrown', async () => {
    const done: string[] = [];
    const failure = new NetError('conflict', 'taken');
    const working = withUndo(async (undo) => {
      undo(async () => {
        await Promise.resolve();
        done.push('first');
      });
      undo(() => void done.push('second'));
      throw failure;
    });
    await expect(working).rejects.toBe(failure);
    expect(done).toEqual(['second', 'first']);
  });

  test('goes on past a step that fails, and throws everything under the code and message of the work', async () => {
    const done: string[] = [];
    const working = withUndo(async (undo) => {
      undo(() => void done.push('first'));
      undo(() => {
        throw new Error('stuck');
      });
      throw new NetError('exhausted', 'pool is full');
    });
    const thrown = await working.catch((error: unknown) => error);
    expect(done).toEqual(['first']);
    expect(thrown).toBeInstanceOf(AggregateError);
    expect((thrown as AggregateError).errors.map(String)).toEqual(['NetError: pool is full', 'Error: stuck']);
    expect(toNetError(thrown)).toMatchObject({ code: 'exhausted', message: 'pool is full', cause: thrown });
  });

  test('runAll returns what the steps threw', async () => {
    const failures = await runAll([() => {}, () => Promise.reject(new Error('a')), () => {}]);
    expect(failures.map(String)).toEqual(['Error: a']);
  });
});

describe('whatever was thrown', () => {
  test.each([
    ['a NetError', new NetError('not_found', 'no network lab'), 'not_found', 'no network lab'],
    ['an error', new TypeError('x is undefined'), 'internal', 'x is undefined'],
    [
      'several errors',
      new AggregateError([new Error('a'), new NetError('conflict', 'b')], 'both'),
      'internal',
      'both',
    ],
    ['a string', 'oops', 'internal', 'oops'],
  ])('%s becomes a NetError', (_, thrown, code, message) =>
    expect(toNetError(thrown)).toMatchObject({ code, message }),
  );
});

describe('work side by side', () => {
  test('is waited for as a whole when part of it fails, and the first error is thrown', async () => {
    const done: string[] = [];
    const failure = new Error('refused');
    const slow = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push('slow');
    };
    await expect(allDone([Promise.reject(failure), undefined, slow()])).rejects.toBe(failure);
    expect(done).toEqual(['slow']);
  });
});
