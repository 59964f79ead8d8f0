// Networks whose interfaces stand beside the host's own on the wire of a parent link.
import { NetError } from '../base/errors.ts';
import { findLink } from '../kernel/rtnetlink/client.ts';
import type { Attachment, MacvlanMode } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Driver, NetworkDraft } from './driver.ts';
import { endpointInterface } from './endpoint-interface.ts';
import {
  commonOptions,
  normalizeOptions,
  type OptionRule,
  type Options,
  parseChoice,
  parseIfname,
} from './options.ts';
import { mtuBelow, parentLink } from './parent-link.ts';

const modes: readonly MacvlanMode[] = ['bridge', 'private', 'vepa', 'passthru'];

const rules: readonly OptionRule[] = [
  ...commonOptions,
  { name: 'parent', parse: parseIfname },
  { name: 'mode', synonyms: ['macvlan_mode'], parse: parseChoice(...modes) },
];

export class MacvlanDriver implements Driver {
  readonly name = 'macvlan';
  readonly scope = 'local';
  readonly hasInterfaces = true;
  readonly hasGateway = false;

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, rules, raw);
  }

  async resolve(draft: NetworkDraft, others: readonly Network[]): Promise<Options> {
    const parent = await parentLink(draft.options['parent']);
    const mode = draft.options['mode'] ?? 'bridge';
    checkPassthru(parent.name, mode, others);
    return { ...draft.options, parent: parent.name, mode, mtu: mtuBelow(parent, draft.options['mtu']) };
  }

  /** The parent is the host's; all that is needed is that it is there. Errors: `not_found`. */
  async ensureNetwork(network: Network): Promise<void> {
    await parentLink(network.options['parent']);
  }

  async removeNetwork(): Promise<void> {}

  async inspectNetwork(network: Network): Promise<readonly Difference[]> {
    const name = parentOf(network);
    if ((await findLink({ name })) !== undefined) return [];
    return [{ object: `parent ${name} of network ${network.name}`, problem: 'is missing' }];
  }

  attachment(network: Network, endpoint: Endpoint): Attachment {
    const mode = network.options['mode'] as MacvlanMode;
    return {
      link: { kind: 'macvlan', parent: parentOf(network), mode },
      ...endpointInterface(network, endpoint),
    };
  }

  /** Its packets do not pass through the host. */
  policy(): undefined {}

  forwards(): readonly [] {
    return [];
  }
}

function parentOf(network: Network): string {
  return network.options['parent'] ?? '';
}

/** A parent in passthru mode belongs to one macvlan alone. */
function checkPassthru(parent: string, mode: string, others: readonly Network[]): void {
  const rival = others.find(
    ({ driver, options }) =>
      driver === 'macvlan' &&
      options['parent'] === parent &&
      (mode === 'passthru' || options['mode'] === 'passthru'),
  );
  if (rival === undefined) return;
  throw new NetError(
    'conflict',
    `parent ${parent} is used by network ${rival.name}, and passthru needs it for one network alone`,
  );
}
