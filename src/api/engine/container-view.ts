// Sandboxes as Docker shows containers.
import { addressOf, familyOf, prefixOf } from '../../base/cidr.ts';
import type { EndpointView, NetworkView, SandboxView } from '../../core/requests.ts';
import { shortId } from '../../model/ids.ts';
import { addressIn } from './network-view.ts';

/** The network of an id; absent when it was deleted in this moment. */
export type FindNetwork = (id: string) => NetworkView | undefined;

/** As in a list. */
export function containerSummary(sandbox: SandboxView, find: FindNetwork) {
  const { name, process } = sandbox;
  return {
    Id: sandbox.id,
    Names: [`/${name}`],
    Image: '',
    ImageID: '',
    Command: (process?.command ?? []).join(' '),
    Created: Math.floor(Date.parse(sandbox.createdAt) / 1000),
    Ports: sandbox.endpoints.flatMap(({ ports }) =>
      ports.map(({ hostAddress, port, hostPort, protocol }) => ({
        IP: hostAddress,
        PrivatePort: port,
        PublicPort: hostPort,
        Type: protocol,
      })),
    ),
    Labels: sandbox.labels,
    State: sandbox.status,
    Status: statusText(sandbox),
    HostConfig: { NetworkMode: networkMode(sandbox) },
    NetworkSettings: { Networks: endpointsByNetwork(sandbox, find) },
    Mounts: [],
  };
}

/** As inspected. */
export function containerAnswer(sandbox: SandboxView, find: FindNetwork) {
  const { process, namespace } = sandbox;
  const [path = '', ...args] = process?.command ?? [];
  return {
    Id: sandbox.id,
    Created: sandbox.createdAt,
    Path: path,
    Args: args,
    State: state(sandbox),
    Image: '',
    Name: `/${sandbox.name}`,
    HostConfig: {
      NetworkMode: networkMode(sandbox),
      AutoRemove: sandbox.autoRemove,
      RestartPolicy: { Name: process?.restart ?? 'no', MaximumRetryCount: 0 },
    },
    Config: {
      Hostname: sandbox.hostname,
      Labels: sandbox.labels,
      Cmd: process?.command ?? [],
      Env: [],
      Image: '',
      ExposedPorts: Object.fromEntries(
        sandbox.endpoints.flatMap(({ exposed }) =>
          exposed.map(({ port, protocol }) => [`${port}/${protocol}`, {}]),
        ),
      ),
    },
    NetworkSettings: {
      SandboxID: sandbox.id,
      SandboxKey: 'path' in namespace ? namespace.path : '',
      Ports: bindings(sandbox),
      Networks: endpointsByNetwork(sandbox, find),
    },
    Mounts: [],
  };
}

function state(sandbox: SandboxView) {
  const running = sandbox.status === 'running';
  return {
    Status: sandbox.status,
    Running: running,
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: running ? (sandbox.process?.pid ?? 0) : 0,
    ExitCode: sandbox.exitStatus ?? 0,
    Error: '',
    StartedAt: sandbox.process === undefined ? never : sandbox.createdAt,
    FinishedAt: never,
  };
}

/** How Go writes a time that is none. */
const never = '0001-01-01T00:00:00Z';

function statusText({ status, exitStatus }: SandboxView): string {
  if (status === 'running') return 'Up';
  return status === 'created' ? 'Created' : `Exited (${exitStatus ?? 0})`;
}

function networkMode({ namespace, endpoints }: SandboxView): string {
  if (namespace.kind === 'host') return 'host';
  if (namespace.kind === 'shared') return `container:${namespace.with}`;
  return endpoints[0]?.networkName ?? 'none';
}

function bindings({ endpoints }: SandboxView) {
  const found: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { port, protocol, hostAddress, hostPort } of endpoints.flatMap(({ ports }) => ports)) {
    const key = `${port}/${protocol}`;
    found[key] = [...(found[key] ?? []), { HostIp: hostAddress, HostPort: String(hostPort) }];
  }
  return found;
}

function endpointsByNetwork({ endpoints }: SandboxView, find: FindNetwork) {
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.networkName, endpointSettings(endpoint, find)]),
  );
}

function endpointSettings(endpoint: EndpointView, find: FindNetwork) {
  const [ipv4, ipv6] = [addressIn(endpoint, 4), addressIn(endpoint, 6)];
  const gateway = (family: 4 | 6) => gatewayOf(endpoint, find(endpoint.networkId), family);
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: endpoint.aliases,
    MacAddress: endpoint.mac ?? '',
    DriverOpts: endpoint.options,
    GwPriority: endpoint.gatewayPriority,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.id,
    Gateway: ipv4 === undefined ? '' : gateway(4),
    IPAddress: ipv4 === undefined ? '' : addressOf(ipv4),
    IPPrefixLen: ipv4 === undefined ? 0 : prefixOf(ipv4),
    IPv6Gateway: ipv6 === undefined ? '' : gateway(6),
    GlobalIPv6Address: ipv6 === undefined ? '' : addressOf(ipv6),
    GlobalIPv6PrefixLen: ipv6 === undefined ? 0 : prefixOf(ipv6),
    DNSNames: [endpoint.sandboxName, ...endpoint.aliases, shortId(endpoint.sandboxId)],
  };
}

function gatewayOf({ gateways }: EndpointView, network: NetworkView | undefined, family: 4 | 6): string {
  if (gateways !== undefined) return (family === 4 ? gateways.ipv4 : gateways.ipv6) ?? '';
  if (network?.internal !== false) return '';
  return network.ipam.pools.find(({ subnet }) => familyOf(subnet) === family)?.gateway ?? '';
}
