// A sandbox's side of names: what its resolver may answer and the files its processes see.
import { addressOf } from '../base/cidr.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { resolverView, usesResolver } from './desired.ts';
import type { Parts } from './parts.ts';

/**
 * Listens in the sandbox when one of its networks has names. In a namespace somebody else made, port 53 may be theirs:
 * that is logged and left alone.
 */
export async function startResolver(
  parts: Parts,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const { state } = parts.store;
  if (!usesResolver(state, endpoints)) return;
  parts.names.setView(resolverView(state, sandbox, endpoints));
  const namespace = sandbox.namespace;
  if (namespace.kind !== 'pinned' && namespace.kind !== 'adopted') return;
  try {
    await parts.names.open(sandbox.id, namespace.path);
  } catch (error) {
    if (namespace.kind === 'pinned') throw error;
    parts.log.warn({ sandbox: sandbox.name, reason: String(error) }, 'no resolver in an adopted namespace');
  }
}

/** Brings the resolver's view and the sandbox's files up to its endpoints. May be repeated. */
export async function refreshSandbox(
  parts: Parts,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const { state } = parts.store;
  const named = usesResolver(state, endpoints);
  if (named) parts.names.setView(resolverView(state, sandbox, endpoints));
  else parts.names.close(sandbox.id);
  if (sandbox.namespace.kind === 'adopted') return;
  await parts.files.write(sandbox, {
    usesResolver: named,
    addresses: endpoints.flatMap((endpoint) => endpoint.addresses.map(addressOf)),
  });
}
