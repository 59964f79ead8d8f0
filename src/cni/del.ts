// DEL: what an ADD made is gone afterwards, whatever was gone before: the namespace, the previous result, all of it.
import type { RuntimeController } from '../core/runtime-requests.ts';
import type { CniRequest } from './protocol.ts';

/** May be repeated, and asked for what never was. */
export async function del(
  core: RuntimeController,
  { network, containerId, ifname }: Pick<CniRequest, 'network' | 'containerId' | 'ifname'>,
): Promise<void> {
  const endpoint = core.findEndpoint({ network, containerId, ifname });
  if (endpoint !== undefined) await core.removeEndpoint(endpoint.id);
}
