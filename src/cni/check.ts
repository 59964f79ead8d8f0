// CHECK: everything an ADD made is still there, and the namespace is as the last result of the chain says.
import { type InterfaceAddress, prefixOf } from '../base/cidr.ts';
import type { FoundInterface, RuntimeController } from '../core/runtime-requests.ts';
import type { Route } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import { CniError, cniCode } from './errors.ts';
import { parseNetworkConfig } from './network-config.ts';
import type { CniRequest } from './protocol.ts';
import type { CniInterface, CniResult, CniRoute } from './result.ts';

/** Errors: 3 when there is no such attachment, 7 without a previous result, 106 telling all that differs. */
export async function check(core: RuntimeController, request: CniRequest): Promise<void> {
  const { prevResult, disableCheck } = parseNetworkConfig(request);
  if (disableCheck) return;
  const { containerId, ifname, netns, network } = request;
  if (prevResult === undefined) {
    throw new CniError(
      cniCode.badConfiguration,
      'prevResult is missing, without which CHECK has nothing to compare',
    );
  }
  const endpoint = core.findEndpoint(request);
  if (endpoint === undefined) {
    throw new CniError(
      cniCode.unknownContainer,
      `container ${containerId} is not on network ${network} with interface ${ifname}`,
    );
  }
  const found = await core.lookAt(netns, ifname);
  const isAlone = !core
    .endpoints()
    .some(({ id, sandboxId }) => sandboxId === endpoint.sandboxId && id !== endpoint.id);
  // Of several default routes a container has one, and by another interface.
  const routes = prevResult.routes.filter(({ dst }) => isAlone || prefixOf(dst) > 0);
  const differences = [
    ...compareInterface({ ...prevResult, routes }, request, found),
    ...(await core.checkEndpoint(endpoint.id)),
  ];
  if (differences.length === 0) return;
  const texts = differences.map(({ object, problem }) => `${object} ${problem}`);
  throw new CniError(cniCode.changed, `container ${containerId} on network ${network}: ${texts.join('; ')}`);
}

/** Other elements of the chain may have changed what we made, and the result says how it was when they had. */
function compareInterface(
  { interfaces, ips, routes }: CniResult,
  { ifname, netns }: CniRequest,
  found: FoundInterface,
): readonly Difference[] {
  const object = `interface ${ifname}`;
  const index = interfaces.findIndex((one) => one.name === ifname && one.sandbox === netns);
  const entry = interfaces[index];
  const lacking = (address: InterfaceAddress) => !found.addresses.includes(address);
  const own = ips.filter(
    (ip) => ip.interface === index || (ip.interface === undefined && interfaces.length <= 1),
  );
  return [
    ...(entry === undefined ? [] : compareSettings(entry, found)),
    ...own
      .filter(({ address }) => lacking(address))
      .map(({ address }) => ({ object, problem: `lacks address ${address}` })),
    ...routes
      .filter((route) => !found.routes.some((one) => isSame(route, one)))
      .map(({ dst, gw }) => ({
        object,
        problem: `lacks the route to ${dst}${gw === undefined ? '' : ` via ${gw}`}`,
      })),
  ];
}

function compareSettings({ mac, mtu }: CniInterface, { settings }: FoundInterface): readonly Difference[] {
  const object = 'interface';
  return [
    ...(mac !== undefined && mac.toLowerCase() !== settings.mac
      ? [{ object, problem: `has MAC address ${settings.mac}, not ${mac}` }]
      : []),
    ...(mtu !== undefined && mtu !== settings.mtuBytes
      ? [{ object, problem: `has MTU ${settings.mtuBytes}, not ${mtu}` }]
      : []),
  ];
}

/** A route that names no gateway may have got the network's. */
function isSame({ dst, gw }: CniRoute, { destination, gateway }: Route): boolean {
  return destination === dst && (gw === undefined || gw === gateway);
}
