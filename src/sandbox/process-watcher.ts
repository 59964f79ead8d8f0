// The processes of sandboxes, by pidfd.
import { sendSignal, startTime, watchProcess } from '../kernel/process.ts';
import type { ProcessWatcher } from './sandbox.ts';

export const pidfdWatcher: ProcessWatcher = { startTime, watch: watchProcess, signal: sendSignal };
