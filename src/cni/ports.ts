// The ports an attachment is to publish, out of those the runtime names.
import type { EndpointConfig } from '../core/requests.ts';
import type { RuntimeController } from '../core/runtime-requests.ts';
import type { PortRequest, PublishedPort } from '../model/port.ts';
import type { NetworkConfig } from './network-config.ts';
import type { CniRequest } from './protocol.ts';

/**
 * Podman names all ports of a container for each of its networks: those it has already are not published again. It also binds
 * them on the host itself, which it could not if we held them; it is known by a pod name that comes without a namespace.
 */
export function portsOf(
  core: RuntimeController,
  { containerId, args }: CniRequest,
  { ports }: NetworkConfig,
): Pick<EndpointConfig, 'ports' | 'portsHeldElsewhere'> {
  if (ports.length === 0) return {};
  const published = core.endpointsOfContainer(containerId).flatMap((endpoint) => endpoint.ports);
  const isPodman = args.podName !== undefined && args.podNamespace === undefined;
  return {
    ports: ports.filter((wanted) => !published.some((port) => isSame(wanted, port))),
    ...(isPodman && { portsHeldElsewhere: true }),
  };
}

/** Without an address a port is published on all of them. */
function isSame({ protocol, port, hostAddress, hostPort }: PortRequest, published: PublishedPort): boolean {
  return (
    published.protocol === protocol &&
    published.port === port &&
    published.hostPort === hostPort?.first &&
    (hostAddress === undefined || hostAddress === published.hostAddress)
  );
}
