// Rules another backend left in the kernel: an earlier run had another setting, or another variant of iptables. They go when
// the rules of the backend in use are in force, so that there is no moment without any.
import type { Firewall, PolicyState } from './firewall.ts';

/** The same backend, which after its first `replace` removes what others left. */
export function succeeding(firewall: Firewall, removeOthers: () => Promise<void>): Firewall {
  let removed = false;
  return {
    name: firewall.name,
    apply: (changes) => firewall.apply(changes),
    async replace(state: PolicyState) {
      await firewall.replace(state);
      if (removed) return;
      await removeOthers();
      removed = true;
    },
    inspect: (desired) => firewall.inspect(desired),
    onForeignChange: (listener) => firewall.onForeignChange(listener),
    close: () => firewall.close(),
  };
}
