// What a container is called: names its neighbours find it by.
import { NetError } from '../base/errors.ts';
import { checkName } from '../core/check-name.ts';
import type { NetworkConfig } from './network-config.ts';
import type { CniRequest } from './protocol.ts';

/** The pod's name with its namespace, which no other pod has; the container's name; or its short id. */
export function sandboxName(request: CniRequest): string {
  const names = [podWithNamespace(request), podAlone(request)].filter(isName);
  return names[0] ?? shortId(request);
}

/** Of the names that follow from the container those that can be one, and all that were asked for. Errors: `invalid_parameter`. */
export function aliasesOf(request: CniRequest, { aliases }: NetworkConfig): readonly string[] {
  const asked = aliases.map((alias) => checkName('alias', alias));
  const derived = [podAlone(request), podWithNamespace(request), shortId(request)].filter(isName);
  return [...new Set([...derived, ...asked])];
}

/** A pod `web.shop` of another namespace must not be found in place of the pod `web` of namespace `shop`. */
function podAlone({ args: { podName, podNamespace } }: CniRequest): string | undefined {
  return podNamespace !== undefined && podName?.includes('.') ? undefined : podName;
}

function podWithNamespace({ args: { podName, podNamespace } }: CniRequest): string | undefined {
  return podName === undefined || podNamespace === undefined ? undefined : `${podName}.${podNamespace}`;
}

/** Ids of hex digits go by their first twelve, as everywhere; others are names somebody gave. */
function shortId({ containerId }: CniRequest): string {
  return containerId.slice(0, /^[0-9a-f]+$/.test(containerId) ? 12 : 63);
}

function isName(name: string | undefined): name is string {
  if (name === undefined) return false;
  try {
    checkName('alias', name);
    return true;
  } catch (error) {
    if (error instanceof NetError) return false;
    throw error;
  }
}
