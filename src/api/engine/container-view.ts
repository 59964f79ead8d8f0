// Sandboxes as Docker shows containers.
import { addressOf, familyOf, prefixOf } from '../../base/cidr.ts';
import type { EndpointView, NetworkView, SandboxView } from '../../core/requests.ts';
import { shortId } from '../../model/ids.ts';
import { isForeign } from '../../model/sandbox.ts';
import { addressIn } from './network-view.ts';
import { durationText } from './time.ts';

/** For whom a sandbox is shown. */
export interface Viewer {
  /** The network of an id; absent when it was deleted in this moment. */
  readonly find: (id: string) => NetworkView | undefined;
  /** Whether the answer is one of this version of the API or a newer one. */
  readonly speaks: (version: string) => boolean;
}

/** What somebody else made is there for as long as something runs in it, which is not our process. */
export function statusOf({ namespace, status }: SandboxView): SandboxView['status'] {
  return isForeign(namespace) ? 'running' : status;
}

/** As in a list. */
export function containerSummary(sandbox: SandboxView, viewer: Viewer) {
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
        ...(hostPort !== 0 && { PublicPort: hostPort }),
        Type: protocol,
      })),
    ),
    Labels: sandbox.labels,
    State: statusOf(sandbox),
    Status: statusText(sandbox),
    HostConfig: { NetworkMode: networkMode(sandbox) },
    NetworkSettings: { Networks: endpointsByNetwork(sandbox, viewer) },
    Mounts: [],
  };
}

/** As inspected. */
export function containerAnswer(sandbox: SandboxView, viewer: Viewer) {
  const { process } = sandbox;
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
      SandboxKey: pathOf(sandbox),
      Ports: bindings(sandbox),
      Networks: endpointsByNetwork(sandbox, viewer),
    },
    Mounts: [],
  };
}

function state(sandbox: SandboxView) {
  const { process, namespace } = sandbox;
  const status = statusOf(sandbox);
  const running = status === 'running';
  const pid = process?.pid ?? ('pid' in namespace ? namespace.pid : undefined);
  return {
    Status: status,
    Running: running,
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: running ? (pid ?? 0) : 0,
    ExitCode: sandbox.exitStatus ?? 0,
    Error: '',
    StartedAt: status === 'created' ? never : sandbox.createdAt,
    FinishedAt: process?.endedAt ?? never,
  };
}

/** How Go writes a time that is none. */
const never = '0001-01-01T00:00:00Z';

function statusText(sandbox: SandboxView): string {
  const { createdAt, exitStatus, process } = sandbox;
  const since = (time: string) => durationText(Date.now() - Date.parse(time));
  const status = statusOf(sandbox);
  if (status === 'running') return `Up ${since(createdAt)}`;
  if (status === 'created') return 'Created';
  const ago = process?.endedAt === undefined ? '' : ` ${since(process.endedAt)} ago`;
  return `Exited (${exitStatus ?? 0})${ago}`;
}

function pathOf({ namespace }: SandboxView): string {
  if (namespace.kind === 'awaited') return namespace.expectedPath;
  return 'path' in namespace ? namespace.path : '';
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
    const HostPort = hostPort === 0 ? '' : String(hostPort);
    found[key] = [...(found[key] ?? []), { HostIp: hostAddress, HostPort }];
  }
  return found;
}

function endpointsByNetwork({ endpoints }: SandboxView, viewer: Viewer) {
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.networkName, endpointSettings(endpoint, viewer)]),
  );
}

function endpointSettings(endpoint: EndpointView, { find, speaks }: Viewer) {
  const [ipv4, ipv6] = [addressIn(endpoint, 4), addressIn(endpoint, 6)];
  const gateway = (family: 4 | 6) => gatewayOf(endpoint, find(endpoint.networkId), family);
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: endpoint.aliases,
    MacAddress: endpoint.mac ?? '',
    DriverOpts: endpoint.options,
    ...(speaks('1.48') && { GwPriority: endpoint.gatewayPriority }),
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.id,
    Gateway: ipv4 === undefined ? '' : gateway(4),
    IPAddress: ipv4 === undefined ? '' : addressOf(ipv4),
    IPPrefixLen: ipv4 === undefined ? 0 : prefixOf(ipv4),
    IPv6Gateway: ipv6 === undefined ? '' : gateway(6),
    GlobalIPv6Address: ipv6 === undefined ? '' : addressOf(ipv6),
    GlobalIPv6PrefixLen: ipv6 === undefined ? 0 : prefixOf(ipv6),
    ...(speaks('1.44') && {
      DNSNames: [endpoint.sandboxName, ...endpoint.aliases, shortId(endpoint.sandboxId)],
    }),
  };
}

function gatewayOf({ gateways }: EndpointView, network: NetworkView | undefined, family: 4 | 6): string {
  if (gateways !== undefined) return (family === 4 ? gateways.ipv4 : gateways.ipv6) ?? '';
  if (network?.internal !== false) return '';
  return network.ipam.pools.find(({ subnet }) => familyOf(subnet) === family)?.gateway ?? '';
}
