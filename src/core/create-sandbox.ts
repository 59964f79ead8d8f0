// Making sandboxes: a namespace of our own, the host's, one shared with another sandbox, or one somebody else made.
import { NetError } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';
import { type Undo, withUndo } from '../base/undo.ts';
import { type SandboxId, shortId } from '../model/ids.ts';
import type { Sandbox, SandboxNamespace, SandboxProcess } from '../model/sandbox.ts';
import { checkName } from './check-name.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { sandboxEvent } from './events.ts';
import type { Parts } from './parts.ts';
import type { SandboxConfig } from './requests.ts';
import { refreshSandbox } from './sandbox-names.ts';

/** What a sandbox of `run` has beyond one made alone. */
export interface SandboxOrigin {
  /** Made up when absent. */
  readonly id?: SandboxId;
  readonly process?: SandboxProcess;
  readonly autoRemove: boolean;
  /** A new one of our own, or one that is there. */
  readonly namespace: 'new' | SandboxNamespace;
  readonly engine?: Sandbox['engine'];
}

/**
 * Makes and records a sandbox, still pending: the caller settles it when the rest of its request is done.
 * Errors: `invalid_parameter`, `already_exists`.
 */
export function addSandbox(parts: Parts, config: SandboxConfig, origin: SandboxOrigin): Promise<Sandbox> {
  return withUndo(async (undo) => {
    const sandbox = await draftSandbox(parts, config, origin, undo);
    undo(() => parts.store.commit([{ drop: 'sandbox', id: sandbox.id }]));
    await parts.store.commit([{ put: 'sandbox', value: { ...sandbox, pending: true } }]);
    return sandbox;
  });
}

async function draftSandbox(
  parts: Parts,
  config: SandboxConfig,
  origin: SandboxOrigin,
  undo: Undo,
): Promise<Sandbox> {
  const { store } = parts;
  const id = origin.id ?? (randomId() as SandboxId);
  const name = checkName('sandbox', config.name ?? shortId(id));
  for (const other of store.state.sandboxes.values()) {
    if (other.name === name) throw new NetError('already_exists', `sandbox ${name} exists already`);
  }
  const hostname = checkName('hostname', config.hostname ?? name);
  let { namespace } = origin;
  if (namespace === 'new') {
    const made = await parts.sandboxes.create(name);
    undo(() => parts.sandboxes.remove(made, []));
    namespace = made;
  }
  return {
    id,
    name,
    createdAt: new Date().toISOString(),
    bootId: parts.bootId,
    namespace,
    hostname,
    dns: {
      servers: config.dns?.servers ?? [],
      search: config.dns?.search ?? [],
      options: config.dns?.options ?? [],
    },
    extraHosts: config.extraHosts ?? [],
    labels: config.labels ?? {},
    autoRemove: origin.autoRemove,
    ...(origin.process !== undefined && { process: origin.process }),
    ...(origin.engine !== undefined && { engine: origin.engine }),
  };
}

/** A sandbox without a process, which lasts until it is deleted. */
export function createSandbox(parts: Parts, config: SandboxConfig): Promise<Sandbox> {
  return withUndo(async (undo) => {
    const sandbox = await addSandbox(parts, config, { namespace: 'new', autoRemove: false });
    undo(() => deleteSandbox(parts, sandbox));
    await refreshSandbox(parts, sandbox, []);
    await settleSandbox(parts, sandbox);
    return sandbox;
  });
}

/**
 * Records a namespace somebody else made as a sandbox. Nothing is made for it: should its first connect break off, the next
 * start forgets it, as it is on no network.
 */
export function adoptSandbox(
  parts: Parts,
  { name, ...origin }: Omit<SandboxOrigin, 'autoRemove'> & { readonly name: string },
): Promise<Sandbox> {
  return withUndo(async (undo) => {
    const sandbox = await draftSandbox(parts, { name }, { ...origin, autoRemove: true }, undo);
    await settleSandbox(parts, sandbox);
    return sandbox;
  });
}

/** Marks a sandbox complete and tells about it. */
export async function settleSandbox(parts: Parts, sandbox: Sandbox): Promise<void> {
  await parts.store.commit([{ put: 'sandbox', value: sandbox }]);
  parts.events.emit(sandboxEvent('create', sandbox));
}
