// GC: what a network holds for attachments the runtime knows no more is freed.
import { NetError } from '../base/errors.ts';
import { runAll } from '../base/undo.ts';
import type { EndpointView } from '../core/requests.ts';
import type { RuntimeController } from '../core/runtime-requests.ts';
import { parseNetworkConfig, type ValidAttachment } from './network-config.ts';
import type { CniRequest } from './protocol.ts';

/**
 * All that is not among the valid attachments; where the runtime does not say which those are, what nothing can use any more.
 * Goes on after a failure. Errors: the first of those met.
 */
export async function collectGarbage(core: RuntimeController, request: CniRequest): Promise<void> {
  const { name, validAttachments, disableGc } = parseNetworkConfig(request);
  if (disableGc) return;
  const failures: unknown[] = [];
  for (const endpoint of core.endpoints().filter(({ cni }) => cni?.network === name)) {
    try {
      if (await isGarbage(core, endpoint, validAttachments)) await core.removeEndpoint(endpoint.id);
    } catch (error) {
      if (!(error instanceof NetError && error.code === 'not_found')) failures.push(error);
    }
  }
  failures.push(...(await runAll([() => core.dropNetwork(name)])));
  if (failures.length > 0) {
    throw new AggregateError(failures, `network ${name}: ${failures.length} attachments could not be freed`);
  }
}

async function isGarbage(
  core: RuntimeController,
  { id, cni, ifname }: EndpointView,
  valid: readonly ValidAttachment[] | undefined,
): Promise<boolean> {
  if (valid === undefined) return core.isOrphaned(id);
  return !valid.some((one) => one.containerId === cni?.containerId && one.ifname === ifname);
}
