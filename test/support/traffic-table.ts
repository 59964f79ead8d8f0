// The traffic suite as one table: every kind of network, asked from everywhere, and what is expected to come of it.
import type { GatewayMode } from '../../src/model/gateway.ts';

export type Shape = 'plain' | 'internal' | 'icc off';
export type Families = 'IPv4' | 'IPv6' | 'dual';

/** One network with the sandbox `web` on it, whose port 80 is published where the network publishes any. */
export interface NetworkCase {
  readonly name: string;
  readonly families: Families;
  readonly mode: GatewayMode;
  readonly shape: Shape;
  readonly web: string;
  /** Another sandbox on it. */
  readonly peer: string;
  readonly hostPort: number;
  readonly subnet: string;
  readonly subnet6: string;
}

export const askers = [
  'same network',
  'other network',
  'host',
  'loopback',
  'outside',
  'outside, by the host’s port',
  'own port',
] as const;
export type Asker = (typeof askers)[number];

export interface Cell {
  readonly network: NetworkCase;
  readonly family: 4 | 6;
  readonly asker: Asker;
  /** Whether the server of `web` answers. */
  readonly answers: boolean;
}

const modes: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed', 'isolated'];
const shapes: readonly Shape[] = ['plain', 'internal', 'icc off'];

/** Isolated networks must be internal. */
export const networks: readonly NetworkCase[] = (['IPv4', 'IPv6', 'dual'] as const)
  .flatMap((families) => modes.flatMap((mode) => shapes.map((shape) => ({ families, mode, shape }))))
  .filter(({ mode, shape }) => mode !== 'isolated' || shape === 'internal')
  .map((kind, i) => ({
    ...kind,
    name: `n${i}`,
    web: `web${i}`,
    peer: `peer${i}`,
    hostPort: 8000 + i,
    subnet: `10.120.${i}.0/24`,
    subnet6: `fd12:0:0:${i.toString(16)}::/64`,
  }));

export const cells: readonly Cell[] = networks.flatMap((network) =>
  familiesOf(network).flatMap((family) =>
    askers.map((asker) => ({ network, family, asker, answers: isAnswered(network, asker) })),
  ),
);

export function familiesOf({ families }: NetworkCase): readonly (4 | 6)[] {
  return families === 'dual' ? [4, 6] : [families === 'IPv4' ? 4 : 6];
}

/** Internal networks publish nothing; routed ones open the port at the sandbox itself. */
export function hasHostPort({ mode, shape }: NetworkCase): boolean {
  return shape !== 'internal' && mode !== 'routed';
}

/** The same in both families. */
function isAnswered(network: NetworkCase, asker: Asker): boolean {
  const { mode, shape } = network;
  switch (asker) {
    case 'same network':
      return shape !== 'icc off';
    case 'host':
      return mode !== 'isolated';
    case 'other network':
    case 'outside':
      return shape !== 'internal' && (mode === 'nat-unprotected' || mode === 'routed');
    case 'loopback':
    case 'outside, by the host’s port':
      return hasHostPort(network);
    case 'own port':
      // What comes to the host from an isolated port is not let back to one of the same bridge, not even by way of the host.
      return hasHostPort(network) && shape !== 'icc off';
  }
}
