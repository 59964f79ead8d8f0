// A store that forgets everything when the process ends: for tests and throw-away hosts.

import { NetError } from '../base/errors.ts';
import { applyChanges, emptyState } from './schema.ts';
import type { Change, Store } from './store.ts';

export function openMemoryStore(): Store {
  const state = emptyState();
  let open = true;
  return {
    state,
    async commit(changes: readonly Change[]) {
      if (!open) throw new NetError('unavailable', 'the store is closed');
      applyChanges(state, changes);
    },
    async close() {
      open = false;
    },
  };
}
