// Views of the records as the doors show them.
import { addressOf, familyOf } from '../base/cidr.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { State } from '../store/store.ts';
import { endpointsOfNetwork, endpointsOfSandbox, networkOf, sandboxOf } from './lookup.ts';
import type { EndpointView, NetworkView, PortView, SandboxView } from './requests.ts';

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
    const address = endpoint.addresses
      .map(addressOf)
      .find((one) => familyOf(one) === familyOf(port.hostAddress));
    const owner = { networkName, sandboxName, sandboxId: endpoint.sandboxId, endpointId: endpoint.id };
    return address === undefined ? [] : [{ ...owner, ...port, address }];
  });
}

function statusOf(sandbox: Sandbox): SandboxView['status'] {
  if (sandbox.process === undefined) return 'created';
  return sandbox.process.exitStatus === undefined ? 'running' : 'exited';
}
