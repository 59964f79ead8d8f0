// Containers of an engine as sandboxes: known by the path of their namespace, which may come later than they do.
import { NetError } from '../base/errors.ts';
import { type EndpointId, shortId } from '../model/ids.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { Change } from '../store/store.ts';
import { isName } from './check-name.ts';
import { adoptSandbox } from './create-sandbox.ts';
import type { EngineContainer } from './engine-requests.ts';
import { sandboxEvent } from './events.ts';
import { freeSandboxName, orAdoption } from './find-target.ts';
import { endpointsOfSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import { spreadNames } from './sandbox-names.ts';

/** The sandbox that is the container with its namespace at that path, if there is one. */
export async function findContainer(parts: Parts, sandboxKey: string): Promise<Sandbox | undefined> {
  for (const sandbox of parts.store.state.sandboxes.values()) {
    const { namespace } = sandbox;
    if (namespace.kind === 'awaited' && namespace.expectedPath === sandboxKey) return sandbox;
    const isThere = namespace.kind === 'adopted' && namespace.path === sandboxKey;
    if (isThere && sandbox.engine !== undefined && (await parts.sandboxes.exists(namespace))) return sandbox;
  }
  return undefined;
}

/** The caller holds the lock of adoptions. A namespace that is there already may be a sandbox by another path. */
export async function adoptContainer(
  parts: Parts,
  { sandboxKey, name }: { readonly sandboxKey: string; readonly name: string },
): Promise<Sandbox> {
  const known = await findContainer(parts, sandboxKey);
  if (known !== undefined) return known;
  const namespace = await parts.sandboxes.adopt({ path: sandboxKey, local: true }).catch(unlessAbsent);
  if (namespace === undefined) {
    const awaited = { kind: 'awaited', expectedPath: sandboxKey } as const;
    const free = freeSandboxName(parts.store.state, name);
    return adoptSandbox(parts, { name: free, namespace: awaited, engine: {} });
  }
  const found = await orAdoption(parts, { name, namespace, engine: {} });
  if ('adopt' in found) return adoptSandbox(parts, found.adopt);
  if (found.engine !== undefined) return found;
  const own = { ...found, engine: {} };
  await parts.store.commit([{ put: 'sandbox', value: own }]);
  return own;
}

/** Until the engine says what a container is called. */
export function provisionalName(sandboxKey: string): string {
  const key = sandboxKey.slice(sandboxKey.lastIndexOf('/') + 1).replaceAll(/[^a-zA-Z0-9]/g, '');
  return `container-${key.slice(0, 12)}`;
}

/** Gives a container's sandbox its names. The caller holds the sandbox's lock. */
export async function nameContainer(
  parts: Parts,
  sandbox: Sandbox,
  container: EngineContainer,
): Promise<void> {
  const { state } = parts.store;
  const name = isName(container.name) ? freeSandboxName(state, container.name, sandbox) : sandbox.name;
  const hostname = isName(container.hostname) ? container.hostname : name;
  const named: Sandbox = { ...sandbox, name, hostname, engine: { containerId: container.id } };
  const changes: Change[] = differs(sandbox, named) ? [{ put: 'sandbox', value: named }] : [];
  for (const { id, aliases } of container.endpoints) {
    const endpoint = state.endpoints.get(id as EndpointId);
    if (endpoint === undefined || endpoint.sandboxId !== sandbox.id) continue;
    const all = [...new Set([...aliases.filter(isName), shortId(container.id)])];
    if (all.join() !== endpoint.aliases.join()) {
      changes.push({ put: 'endpoint', value: { ...endpoint, aliases: all } });
    }
  }
  if (changes.length === 0) return;
  await parts.store.commit(changes);
  spreadNames(parts, endpointsOfSandbox(state, sandbox.id));
  if (name === sandbox.name) return;
  parts.events.emit(sandboxEvent('rename', named, { oldName: sandbox.name }));
}

function differs(a: Sandbox, b: Sandbox): boolean {
  return a.name !== b.name || a.hostname !== b.hostname || a.engine?.containerId !== b.engine?.containerId;
}

/** Neither there yet, nor a namespace yet. */
function unlessAbsent(error: unknown): undefined {
  const code = error instanceof NetError ? error.code : undefined;
  if (code !== 'not_found' && code !== 'invalid_parameter') throw error;
}
