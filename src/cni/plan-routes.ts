// The routes of a container: which are default routes, and by which gateway the others lead.
import { type Cidr, familyOf, type IpAddress, type IpFamily, prefixOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Route } from '../model/attachment.ts';
import type { AddressChoices, AddressPlan } from './address-plan.ts';
import type { CniRoute } from './result.ts';

interface DefaultRoute {
  readonly family: IpFamily;
  /** In place of the gateway of the family's first address. */
  readonly gateway?: IpAddress;
}

/** RT_TABLE_MAIN and RT_SCOPE_LINK of include/uapi/linux/rtnetlink.h. */
const mainTable = 254;
const scopeLink = 253;

/**
 * @param how `addDefaults`: everything goes through the gateways, routes or not; `networksOwn`: it does so when there are no
 * routes at all.
 * Errors: `not_implemented` where a gateway depends on which of several subnets the address will be from.
 */
export function planRoutes(
  choices: AddressChoices,
  how: { readonly addDefaults: boolean; readonly networksOwn: boolean },
): Pick<AddressPlan, 'endpoint' | 'routes' | 'addedDefaults'> {
  const families = ([4, 6] as const).filter((family) => isAmong(choices.families, family));
  const routes = choices.routes.filter(({ dst }) => families.includes(familyOf(dst)));
  const plain = routes.filter(isPlainDefault);
  const added = how.addDefaults ? families.filter((family) => !plain.some(isOf(family))) : [];
  const defaults = families
    .filter((family) => added.includes(family) || plain.some(isOf(family)))
    .map((family) => defaultRoute(family, plain));
  const others = routes.filter((route) => !isPlainDefault(route)).map((route) => toRoute(route, choices));
  const asNetwork = how.networksOwn && choices.routes.length === 0;
  if (asNetwork || leadsByWhatIsChosen(choices, families, defaults)) {
    const led = families.filter((family) => firstOf(choices.families, family).gateways.length > 0);
    return {
      endpoint: { ...choices.endpoint, ...routesOf(others) },
      routes,
      addedDefaults: asNetwork ? led : added,
    };
  }
  const known = defaults.map(({ family, gateway }) => ({
    family,
    gateway: gateway ?? gatewayOf(choices, family),
  }));
  const onLink = known
    .filter(({ gateway }) => gateway === undefined)
    .map(({ family }) => ({ destination: defaultOf(family) }));
  return {
    endpoint: { ...choices.endpoint, gateways: gatewaysOf(known), ...routesOf([...onLink, ...others]) },
    routes,
    addedDefaults: added,
  };
}

export function defaultOf(family: IpFamily): Cidr {
  return (family === 4 ? '0.0.0.0/0' : '::/0') as Cidr;
}

/** A default route like any other. One with attributes of its own stands beside the one the container goes by. */
function isPlainDefault({ dst, mtu, advmss, priority, table = mainTable, scope = 0 }: CniRoute): boolean {
  const special = mtu ?? advmss ?? priority;
  return prefixOf(dst) === 0 && special === undefined && (table === mainTable || table === 0) && scope === 0;
}

/** Of several in one family the first that names its gateway counts. */
function defaultRoute(family: IpFamily, plain: readonly CniRoute[]): DefaultRoute {
  const gateway = plain.filter(isOf(family)).find(({ gw }) => gw !== undefined)?.gw;
  return { family, ...(gateway !== undefined && { gateway }) };
}

/** Whether the container's gateways are those of whichever subnets its addresses will be from, known only by the network. */
function leadsByWhatIsChosen(
  { families: addresses }: AddressChoices,
  families: readonly IpFamily[],
  defaults: readonly DefaultRoute[],
): boolean {
  const isOpen = defaults.some(
    ({ family, gateway }) => gateway === undefined && firstOf(addresses, family).gateways.length > 1,
  );
  const byNetwork = defaults.filter(
    ({ family, gateway }) => gateway === undefined && firstOf(addresses, family).own,
  );
  return isOpen && byNetwork.length === families.length;
}

/** As the reference has it: without a gateway of its own a route leads by that of the first address of its family. */
function toRoute(route: CniRoute, choices: AddressChoices): Route {
  const { dst, gw, table, priority, scope, mtu, advmss } = route;
  const onLink = scope !== undefined && scope >= scopeLink;
  const gateway = gw ?? (onLink ? undefined : gatewayOf(choices, familyOf(dst)));
  return {
    destination: dst,
    ...(gateway !== undefined && { gateway }),
    ...(table !== undefined && { table }),
    ...(priority !== undefined && { metric: priority }),
    ...(scope !== undefined && { scope }),
    ...(mtu !== undefined && { mtuBytes: mtu }),
    ...(advmss !== undefined && { advertisedMssBytes: advmss }),
  };
}

/** Undefined when the family has none. */
function gatewayOf({ families }: AddressChoices, family: IpFamily): IpAddress | undefined {
  const { gateways } = firstOf(families, family);
  if (gateways.length <= 1) return gateways[0];
  throw new NetError(
    'not_implemented',
    `ipam: an IPv${family} route needs a gateway of its own (gw): which of ${gateways.join(', ')} is meant depends on the address`,
  );
}

function gatewaysOf(
  known: readonly { readonly family: IpFamily; readonly gateway: IpAddress | undefined }[],
): { readonly ipv4?: IpAddress; readonly ipv6?: IpAddress } {
  const ipv4 = known.find(({ family }) => family === 4)?.gateway;
  const ipv6 = known.find(({ family }) => family === 6)?.gateway;
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

function routesOf(routes: readonly Route[]): { readonly routes?: readonly Route[] } {
  return routes.length > 0 ? { routes } : {};
}

function isAmong(families: AddressChoices['families'], wanted: IpFamily): boolean {
  return families.some(({ family }) => family === wanted);
}

function firstOf(families: AddressChoices['families'], wanted: IpFamily) {
  return families.find(({ family }) => family === wanted) ?? { gateways: [], own: false };
}

function isOf(family: IpFamily): (route: CniRoute) => boolean {
  return ({ dst }) => familyOf(dst) === family;
}
