// The output of a detached process, as its supervisor writes it to a file.
import { watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { NetError } from '../../base/errors.ts';
import type { SandboxView } from '../../model/view.ts';
import type { ApiContext } from '../route.ts';

const chunkBytes = 64 * 1024;

/**
 * What the log holds; with `follow`, also what is added, until the process ends, the server closes or the stream is destroyed.
 * Errors: `not_found`; `conflict` for a sandbox without a log.
 */
export async function openLog(context: ApiContext, ref: string, follow: boolean): Promise<Readable> {
  const sandbox = context.controller.sandbox(ref);
  const path = sandbox.process?.logPath;
  if (path === undefined) {
    throw new NetError(
      'conflict',
      `sandbox ${sandbox.name} has no log: only detached processes (net run -d) write one`,
    );
  }
  const file = await open(path).catch((error: unknown) => {
    throw new NetError('not_found', `the log of sandbox ${sandbox.name} cannot be read`, { cause: error });
  });
  if (!follow) return Readable.from(readOnce(file));
  const changes = watchChanges(context, sandbox, path);
  const stream = Readable.from(readOn(file, changes));
  stream.once('close', changes.stop);
  return stream;
}

async function* readOnce(file: FileHandle) {
  try {
    yield* readToEnd(file);
  } finally {
    await file.close();
  }
}

async function* readOn(file: FileHandle, changes: Changes) {
  try {
    for (;;) {
      // Asked before reading, so that what was written last is still read.
      const over = changes.over();
      yield* readToEnd(file);
      if (over) return;
      await changes.next();
    }
  } finally {
    changes.stop();
    await file.close();
  }
}

async function* readToEnd(file: FileHandle) {
  for (;;) {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(chunkBytes) });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

interface Changes {
  /** True when nothing will be added any more, or nobody wants it. */
  over(): boolean;
  /** Resolves at the next sign of change since the last call. */
  next(): Promise<void>;
  stop(): void;
}

/** Signs of change are writes to the file, events of the sandbox, and the server's closing. */
function watchChanges({ controller, closing }: ApiContext, sandbox: SandboxView, path: string): Changes {
  let stopped = false;
  let rung = false;
  let wake = () => {};
  const ring = () => {
    rung = true;
    wake();
  };
  const watcher = watch(path, ring).on('error', ring);
  const unsubscribe = controller.events.subscribe((event) => {
    if (event.id === sandbox.id) ring();
  });
  closing.addEventListener('abort', ring);
  return {
    over: () => stopped || closing.aborted || !isRunning(controller, sandbox.id),
    async next() {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (rung) resolve();
      });
      rung = false;
    },
    stop() {
      stopped = true;
      ring();
      watcher.close();
      unsubscribe();
      closing.removeEventListener('abort', ring);
    },
  };
}

/** A sandbox that is removed with its process is gone when the process is. */
function isRunning(controller: ApiContext['controller'], id: string): boolean {
  return controller.sandboxes().some((sandbox) => sandbox.id === id && sandbox.status === 'running');
}
