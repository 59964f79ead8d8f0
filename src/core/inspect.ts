// Views of the records as the doors show them.
import { addressOf } from '../base/cidr.ts';
import type { Allowance, Party } from '../model/allowance.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import { targetOf } from '../model/port-target.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { State } from '../store/store.ts';
import { partyAddresses } from './allowance-policy.ts';
import {
  endpointsOfNetwork,
  endpointsOfSandbox,
  findNetwork,
  findSandbox,
  networkOf,
  sandboxOf,
} from './lookup.ts';
import type { Parts } from './parts.ts';
import type { AllowanceView, EndpointView, NetworkView, PortView, SandboxView } from './requests.ts';

export function viewNetwork(state: State, network: Network): NetworkView {
  return {
    ...network,
    endpoints: endpointsOfNetwork(state, network.id).map((one) => viewEndpoint(state, one)),
  };
}

export function viewEndpoint(state: State, endpoint: Endpoint): EndpointView {
  return {
    ...endpoint,
    networkName: networkOf(state, endpoint).name,
    sandboxName: sandboxOf(state, endpoint).name,
  };
}

export function viewSandbox(state: State, sandbox: Sandbox): SandboxView {
  const exitStatus = sandbox.process?.exitStatus;
  return {
    ...sandbox,
    status: statusOf(sandbox),
    ...(exitStatus !== undefined && { exitStatus }),
    endpoints: endpointsOfSandbox(state, sandbox.id).map((one) => viewEndpoint(state, one)),
  };
}

export function viewPorts(state: State, endpoint: Endpoint): readonly PortView[] {
  const { networkName, sandboxName } = viewEndpoint(state, endpoint);
  return endpoint.ports.flatMap((port) => {
    const address = targetOf(port.hostAddress, endpoint.addresses.map(addressOf));
    const owner = { networkName, sandboxName, sandboxId: endpoint.sandboxId, endpointId: endpoint.id };
    return address === undefined ? [] : [{ ...owner, ...port, address }];
  });
}

export function viewAllowance(parts: Parts, { from, to, ...rest }: Allowance): AllowanceView {
  return { ...rest, from: viewParty(parts, from), to: viewParty(parts, to) };
}

function viewParty(parts: Parts, party: Party): AllowanceView['from'] {
  return { ...namedParty(parts.store.state, party), addresses: partyAddresses(parts, party) };
}

/** `network lab`, `sandbox web`. */
export function partyText(state: State, party: Party): string {
  const { kind, name } = namedParty(state, party);
  return `${kind} ${name}`;
}

function namedParty(state: State, { network, sandbox }: Party) {
  if (network !== undefined) {
    const { id, name } = findNetwork(state, network);
    return { kind: 'network' as const, id, name };
  }
  const { id, name } = findSandbox(state, sandbox);
  return { kind: 'sandbox' as const, id, name };
}

function statusOf(sandbox: Sandbox): SandboxView['status'] {
  if (sandbox.process === undefined) return 'created';
  return sandbox.process.exitStatus === undefined ? 'running' : 'exited';
}
