// Adding to an endpoint that is in use: ports, names, settings of its interface, rate limits.
import { withUndo } from '../base/undo.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { HostInterface } from '../sandbox/sandbox.ts';
import { checkName } from './check-name.ts';
import { type Connected, policyChange } from './connect.ts';
import { attachmentOf } from './desired.ts';
import { checkPublishing, holdPorts } from './hold-ports.ts';
import { driverOf, endpointsOfSandbox, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { EndpointAdditions } from './runtime-requests.ts';
import { spreadNames } from './sandbox-names.ts';

/**
 * The caller holds the sandbox's lock. Errors: those of `HostPorts.reserve` and `Sandboxes.attach`; then the endpoint is as
 * it was, but for settings of its interface the kernel took before it refused another.
 */
export function amendEndpoint(
  parts: Parts,
  sandbox: Sandbox,
  from: Endpoint,
  additions: EndpointAdditions,
): Promise<Connected> {
  return withUndo(async (undo) => {
    const { store } = parts;
    const network = networkOf(store.state, from);
    const requests = additions.ports ?? [];
    const elsewhere = (additions.portsHeldElsewhere ?? from.portsHeldElsewhere) && {
      portsHeldElsewhere: true as const,
    };
    if (requests.length > 0) checkPublishing(network, driverOf(parts, network).hasGateway);
    const held = await holdPorts(parts, { ...from, ...elsewhere, network, sandbox }, requests, undo);
    const to = { ...amended(from, additions, held), ...elsewhere };
    const before = endpointsOfSandbox(store.state, sandbox.id);
    const change = policyChange(
      parts,
      before,
      before.map((endpoint) => (endpoint.id === from.id ? to : endpoint)),
    );
    undo(() => spreadNames(parts, [from]));
    undo(() => store.commit([{ put: 'endpoint', value: from }]));
    await store.commit([{ put: 'endpoint', value: to }]);
    undo(() => parts.firewall.apply(change.back));
    await parts.firewall.apply(change.forward);
    const hostInterfaces = await applySettings(parts, sandbox, to, additions);
    spreadNames(parts, [to]);
    return { endpoint: to, hostInterfaces };
  });
}

function amended(from: Endpoint, additions: EndpointAdditions, held: Endpoint['ports']): Endpoint {
  const { mac, shaping } = additions;
  const aliases = (additions.aliases ?? []).map((alias) => checkName('alias', alias));
  const sysctls = { ...from.tuning?.sysctls, ...additions.tuning?.sysctls };
  const tuning = { ...from.tuning, ...additions.tuning, ...(Object.keys(sysctls).length > 0 && { sysctls }) };
  return {
    ...from,
    aliases: [...new Set([...from.aliases, ...aliases])],
    ports: [...from.ports, ...held],
    ...(mac !== undefined && { mac }),
    ...(Object.keys(tuning).length > 0 && { tuning }),
    ...(shaping !== undefined && { shaping: { ...from.shaping, ...shaping } }),
  };
}

/** The interface is there: nothing of it is made, as with one that somebody else made. */
async function applySettings(
  parts: Parts,
  sandbox: Sandbox,
  endpoint: Endpoint,
  { mac, tuning, shaping }: EndpointAdditions,
): Promise<readonly HostInterface[]> {
  const attachment = attachmentOf(parts, endpoint);
  if (attachment === undefined || (mac ?? tuning ?? shaping) === undefined) return [];
  // What is not asked for is taken as it is: others of the chain may have changed it meanwhile.
  const former: InterfaceSettings = {
    ...(mac === undefined && { mac: attachment.mac }),
    ...(tuning?.mtuBytes === undefined && { mtuBytes: attachment.mtuBytes }),
  };
  const settings: Attachment = { ...attachment, link: { kind: 'foreign', former }, routes: [] };
  return parts.sandboxes.attach(sandbox.namespace, settings, {});
}
