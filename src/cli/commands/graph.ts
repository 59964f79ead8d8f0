// net graph: a picture of networks, sandboxes, addresses and ports.
import { UsageError } from '../../base/command-line.ts';
import type { EndpointView, NetworkView, SandboxView } from '../../model/view.ts';
import { formatReach, shownPorts } from '../ports.ts';
import { defineVerb } from '../verb.ts';

export interface Topology {
  readonly networks: readonly NetworkView[];
  readonly sandboxes: readonly SandboxView[];
}

export const graph = defineVerb(
  {
    name: 'net graph',
    summary: 'Draw networks with the sandboxes on them, their addresses and published ports.',
    operands: [],
    options: { format: { kind: 'value', value: 'FORMAT', help: 'text (default) or mermaid' } },
  },
  async ({ options }, { client, write }) => {
    const draw = { text: drawText, mermaid: drawMermaid }[options.format ?? 'text'];
    if (draw === undefined) {
      throw new UsageError(`--format ${options.format}: the formats are text and mermaid`);
    }
    await write(draw({ networks: await client.networks([]), sandboxes: await client.sandboxes([]) }));
  },
);

/** A tree: networks, on them sandboxes, of them ports. Built-in networks nobody is on are left out. */
export function drawText({ networks, sandboxes }: Topology): string {
  const trees = networks.filter(isWorthShowing).map((network) => {
    const branches = network.endpoints.map((endpoint) => [
      endpointText(endpoint),
      ...shownPorts(endpoint).map((port) => `  ${port.port}/${port.protocol} <- ${formatReach(port)}`),
    ]);
    return [networkText(network), ...branches.flatMap(drawBranch)];
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
    ...shown.flatMap(({ endpoints }) => endpoints.flatMap(mermaidEdges)),
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

function quote(text: string): string {
  return `"${text.replaceAll('"', '#quot;')}"`;
}
