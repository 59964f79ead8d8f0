// The contract of the embedded DNS as the core sees it.
import type { EndpointId, SandboxId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';

export interface NameService {
  /** Adds or replaces an endpoint's names; visible in the next answer. */
  put(entry: NameEntry): void;
  remove(endpointId: EndpointId): void;
  /** Adds or replaces what a sandbox may see; visible in its next answer. */
  setView(view: ResolverView): void;
  /** Listens on 127.0.0.11:53 (UDP and TCP) in the namespace. May be repeated. Errors: `conflict` (port taken there), `unavailable`. */
  open(sandboxId: SandboxId, namespacePath: string): Promise<void>;
  /** Stops listening and forgets the view, so that the namespace can end. Absent is fine. */
  close(sandboxId: SandboxId): void;
  shutdown(): Promise<void>;
}
