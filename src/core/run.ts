// Preparing a sandbox for a process, and the plan by which the launcher puts the process into it.
import { NetError } from '../base/errors.ts';
import { withUndo } from '../base/undo.ts';
import type { SandboxId } from '../model/ids.ts';
import type { Sandbox, SandboxProcess } from '../model/sandbox.ts';
import { connect } from './connect.ts';
import { addSandbox, type SandboxOrigin, settleSandbox } from './create-sandbox.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { namespaceOwner } from './desired.ts';
import { findNetwork, findSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { LaunchPlan, ProcessConfig, RunRequest } from './requests.ts';
import { refreshSandbox } from './sandbox-names.ts';

/** The caller holds the locks, that of the sandbox-to-be included. Returns the sandbox with the plan; nothing is left when it fails. */
export function run(
  parts: Parts,
  request: RunRequest,
  id: SandboxId,
): Promise<{ readonly sandbox: Sandbox; readonly plan: LaunchPlan }> {
  return withUndo(async (undo) => {
    const process = describeProcess(parts, request);
    const namespace = chooseNamespace(parts, request);
    const origin = { id, process, autoRemove: request.autoRemove, namespace };
    const added = await addSandbox(parts, request, origin);
    undo(() => deleteSandbox(parts, added));
    const sandbox = request.detached
      ? { ...added, process: { ...process, logPath: parts.files.paths(added).log } }
      : added;
    if (namespace !== 'new' && namespace.kind === 'shared') {
      await refreshSandbox(parts, sandbox, []);
    } else {
      for (const { network, ...config } of request.networks) {
        await connect(parts, { network: findNetwork(parts.store.state, network), sandbox }, config);
      }
    }
    await settleSandbox(parts, sandbox);
    return { sandbox, plan: planLaunch(parts, sandbox, request.process, request) };
  });
}

/** In a namespace that was adopted or is the host's, the process sees the files everybody sees. Errors: `not_found`. */
export function exec(parts: Parts, target: string, process: ProcessConfig): LaunchPlan {
  return planLaunch(parts, findSandbox(parts.store.state, target), process, undefined);
}

/** The networks of a run that must be locked; `sandbox:OTHER` is none. */
export function sharedWith(request: RunRequest): string | undefined {
  const shared = request.networks.find(({ network }) => network.startsWith('sandbox:'));
  if (shared === undefined) return undefined;
  if (request.networks.length > 1) {
    throw new NetError('invalid_parameter', `network ${shared.network} cannot be combined with others`);
  }
  return shared.network.slice('sandbox:'.length);
}

function chooseNamespace(parts: Parts, request: RunRequest): SandboxOrigin['namespace'] {
  const other = sharedWith(request);
  if (other !== undefined) {
    const target = findSandbox(parts.store.state, other);
    const { ports = [], addresses = [], aliases = [], links = [], publishAll } = request.networks[0] ?? {};
    if (publishAll === true || [ports, addresses, aliases, links].some((given) => given.length > 0)) {
      throw new NetError(
        'invalid_parameter',
        `sandbox ${target.name} is shared: ports, addresses and names are those it has`,
      );
    }
    return target.namespace.kind === 'shared' ? target.namespace : { kind: 'shared', with: target.id };
  }
  const networks = request.networks.map(({ network }) => findNetwork(parts.store.state, network));
  const alone = networks.find((network) => network.driver === 'host' || network.driver === 'none');
  if (alone !== undefined && networks.length > 1) {
    throw new NetError('invalid_parameter', `network ${alone.name} cannot be combined with others`);
  }
  return alone?.driver === 'host' ? { kind: 'host' } : 'new';
}

function describeProcess(parts: Parts, request: RunRequest): SandboxProcess {
  const { pid, command } = request.process;
  const startTime = parts.processes.startTime(pid);
  if (startTime === undefined)
    throw new NetError('invalid_parameter', `process ${pid}, which asks to be run, does not exist`);
  return { pid, startTime, command, detached: request.detached, restart: request.restart };
}

function planLaunch(
  parts: Parts,
  sandbox: Sandbox,
  process: ProcessConfig,
  request: RunRequest | undefined,
): LaunchPlan {
  const owner = namespaceOwner(parts.store.state, sandbox);
  const { namespace } = owner;
  if (namespace.kind === 'awaited') {
    throw new NetError('conflict', `sandbox ${owner.name}: its container has not begun yet`);
  }
  const files = parts.files.paths(owner);
  const own = parts.files.paths(sandbox);
  return {
    ...('path' in namespace && { netns: namespace.path }),
    sysfs: 'path' in namespace,
    ...(namespace.kind === 'pinned' && { hostname: owner.hostname }),
    binds:
      namespace.kind === 'pinned'
        ? [
            { source: files.resolvConf, target: '/etc/resolv.conf' },
            { source: files.hosts, target: '/etc/hosts' },
            { source: files.hostname, target: '/etc/hostname' },
          ]
        : [],
    ...(process.user !== undefined && { user: process.user }),
    directory: process.directory,
    environment: process.environment,
    command: process.command,
    ...(request?.detached === true && {
      detached: {
        id: sandbox.id,
        logPath: own.log,
        statePath: own.state,
        restart: request.restart,
        terminal: request.terminal,
      },
    }),
  };
}
