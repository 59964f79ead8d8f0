// net graph: a picture of networks, sandboxes, addresses and ports.
import { UsageError } from '../../base/command-line.ts';
import { NetError } from '../../base/errors.ts';
import type { EndpointView, InspectedNetwork, NetworkView, PeerView, SandboxView } from '../../model/view.ts';
import { formatReach, shownPorts } from '../ports.ts';
import { type Context, defineVerb } from '../verb.ts';
import { peerText } from './inspect.ts';

export interface Topology {
  readonly networks: readonly InspectedNetwork[];
  readonly sandboxes: readonly SandboxView[];
}

export const graph = defineVerb(
  {
    name: 'net graph',
    summary: 'Draw networks with the sandboxes on them, their addresses and published ports.',
    operands: [],
    options: { format: { kind: 'value', value: 'FORMAT', help: 'text (default) or mermaid' } },
  },
  async ({ options }, context) => {
    const draw = { text: drawText, mermaid: drawMermaid }[options.format ?? 'text'];
    if (draw === undefined) {
      throw new UsageError(`--format ${options.format}: the formats are text and mermaid`);
    }
    const networks = await readNetworks(context);
    await context.write(draw({ networks, sandboxes: await context.client.sandboxes([]) }));
  },
);

/** Those of several hosts with their endpoints there; which of these are not known is told on stderr. */
async function readNetworks({ client, warn }: Context): Promise<readonly InspectedNetwork[]> {
  const networks: InspectedNetwork[] = [];
  for (const listed of await client.networks([])) {
    const network: InspectedNetwork | undefined =
      listed.shared === true ? await client.network(listed.id).catch(absent) : listed;
    if (network === undefined) continue;
    if (network.peersError !== undefined) warn(`network ${network.name}: other hosts: ${network.peersError}`);
    networks.push(network);
  }
  return networks;
}

/** Deleted since it was listed. */
function absent(error: unknown): undefined {
  if (!(error instanceof NetError) || error.code !== 'not_found') throw error;
}

/** A tree: networks, on them sandboxes, of them ports. Built-in networks nobody is on are left out. */
export function drawText({ networks, sandboxes }: Topology): string {
  const trees = networks.filter(isWorthShowing).map((network) => {
    const branches = network.endpoints.map((endpoint) => [
      endpointText(endpoint),
      ...shownPorts(endpoint).map((port) => `  ${port.port}/${port.protocol} <- ${formatReach(port)}`),
    ]);
    const peers = (network.peers ?? []).map((peer) => [peerText(peer)]);
    return [networkText(network), ...[...branches, ...peers].flatMap(drawBranch)];
  });
  const alone = sandboxes.filter(({ endpoints }) => endpoints.length === 0).map(({ name }) => name);
  const rest =
    alone.length === 0 ? [] : [['on no network', ...alone.map((name) => [name]).flatMap(drawBranch)]];
  return [...trees, ...rest].map((lines) => lines.map((line) => `${line}\n`).join('')).join('\n');
}

/** A flowchart as https://mermaid.js.org draws it. */
export function drawMermaid({ networks, sandboxes }: Topology): string {
  const shown = networks.filter(isWorthShowing);
  const lines = [
    ...shown.map((network) => `n_${network.id.slice(0, 12)}([${quote(networkText(network))}])`),
    ...sandboxes.map(({ id, name }) => `s_${id.slice(0, 12)}[${quote(name)}]`),
    ...mermaidHosts(shown.flatMap(({ peers = [] }) => peers)),
    ...shown.flatMap(({ endpoints }) => endpoints.flatMap(mermaidEdges)),
    ...shown.flatMap(({ id, peers = [] }) => peers.map((peer) => mermaidPeerEdge(id, peer))),
  ];
  return `graph LR\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function isWorthShowing({ builtin, endpoints }: NetworkView): boolean {
  return !builtin || endpoints.length > 0;
}

function networkText({ name, driver, ipam, internal }: NetworkView): string {
  const words = [driver, ...ipam.pools.map(({ subnet }) => subnet), ...(internal ? ['internal'] : [])];
  return `${name} (${words.join(', ')})`;
}

function endpointText({ sandboxName, ifname, addresses }: EndpointView): string {
  return [sandboxName, ifname, ...addresses].filter((word) => word !== '').join(' ');
}

/** The first line hangs on the tree, the others beneath it. */
function drawBranch(
  lines: readonly string[],
  index: number,
  all: readonly (readonly string[])[],
): readonly string[] {
  const last = index === all.length - 1;
  return lines.map((line, i) => `${i === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  '}${line}`);
}

function mermaidEdges(endpoint: EndpointView): readonly string[] {
  const { id, networkId, sandboxId, ifname, addresses } = endpoint;
  const network = `n_${networkId.slice(0, 12)}`;
  const sandbox = `s_${sandboxId.slice(0, 12)}`;
  const label = [ifname, ...addresses].filter((word) => word !== '').join(' ');
  const published = shownPorts(endpoint).map((port, i) => {
    const text = quote(`${formatReach(port)}/${port.protocol}`);
    return `p_${id.slice(0, 12)}_${i}>${text}] --> |${port.port}| ${sandbox}`;
  });
  return [`${network} --- ${label === '' ? '' : `|${quote(label)}| `}${sandbox}`, ...published];
}

/** A box for each host, with a node for each of its endpoints. */
function mermaidHosts(peers: readonly PeerView[]): readonly string[] {
  const hosts = new Map(peers.map(({ hostId, hostName }) => [hostId, hostName]));
  return [...hosts].flatMap(([hostId, hostName]) => [
    `subgraph h_${hostId.slice(0, 12)}[${quote(hostName)}]`,
    ...peers
      .filter((peer) => peer.hostId === hostId)
      .map(({ id, name }) => `  e_${id.slice(0, 12)}[${quote(name)}]`),
    'end',
  ]);
}

function mermaidPeerEdge(networkId: string, { id, addresses }: PeerView): string {
  return `n_${networkId.slice(0, 12)} --- |${quote(addresses.join(' '))}| e_${id.slice(0, 12)}`;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '#quot;')}"`;
}
