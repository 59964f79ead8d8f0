// The capability `portMappings` as ports to publish.
import { type IpAddress, parseIp } from '../base/cidr.ts';
import type { PortRequest, Protocol } from '../model/port.ts';
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';

const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** Mappings without a host port are of no port to publish. Errors: 6, 7. */
export function parsePortMappings(runtimeConfig: Fields): readonly PortRequest[] {
  return (runtimeConfig.objects('portMappings', parseMapping) ?? []).filter((port) => port !== undefined);
}

function parseMapping(mapping: Fields): PortRequest | undefined {
  const hostPort = mapping.integer('hostPort', { most: 65_535 }) ?? 0;
  const port = mapping.integer('containerPort', { least: 1, most: 65_535 });
  if (port === undefined) {
    throw new CniError(cniCode.badConfiguration, `${mapping.at('containerPort')} is missing`);
  }
  const protocol = parseProtocol(mapping);
  const hostAddress = parseHostAddress(mapping);
  if (hostPort === 0) return undefined;
  return {
    protocol,
    port,
    hostPort: { first: hostPort, last: hostPort },
    ...(hostAddress !== undefined && { hostAddress }),
  };
}

function parseProtocol(mapping: Fields): Protocol {
  const text = mapping.text('protocol') ?? 'tcp';
  const protocol = protocols.find((known) => known === text.toLowerCase());
  if (protocol === undefined) throw mapping.bad('protocol', `one of ${protocols.join(', ')}`);
  return protocol;
}

function parseHostAddress(mapping: Fields): IpAddress | undefined {
  const text = mapping.text('hostIP');
  return text === undefined ? undefined : parseIp(text, mapping.at('hostIP'));
}
