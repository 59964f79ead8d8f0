// Docker's driver options for one endpoint that mean something for every driver: the name of its interface, and its sysctls.
import { NetError } from '../../base/errors.ts';
import type { EndpointConfig } from '../../core/requests.ts';
import type { EndpointBody } from '../../model/wire.ts';

type TextMap = Readonly<Record<string, string>>;

const ifnameLabel = 'com.docker.network.endpoint.ifname';
const sysctlsLabel = 'com.docker.network.endpoint.sysctls';

/** What is left are options of drivers. */
export function optionWords(given: TextMap): Pick<EndpointBody, 'ifname' | 'options'> {
  const { [ifnameLabel]: ifname, [sysctlsLabel]: _, ...options } = given;
  return { ...(ifname && { ifname }), options };
}

/** Errors: `invalid_parameter` for a sysctl that is not one of an interface. */
export function optionTuning({ [sysctlsLabel]: sysctls }: TextMap): Pick<EndpointConfig, 'tuning'> {
  if (!sysctls) return {};
  return { tuning: { sysctls: Object.fromEntries(sysctls.split(',').map(parseSysctl)) } };
}

/** Path and value. Docker's client writes the names of options in small letters, and some people those of sysctls too. */
function parseSysctl(text: string): readonly [path: string, value: string] {
  const found = /^net\.(ipv4|ipv6|mpls)\.(\w+)\.(?:IFNAME|ifname)\.(\w+)=(.*)$/s.exec(text);
  if (found === null) {
    throw new NetError(
      'invalid_parameter',
      `${sysctlsLabel}: ${JSON.stringify(text)} is not net.X.Y.IFNAME.Z=VALUE with ipv4, ipv6 or mpls for X`,
    );
  }
  const [, protocol, group, name, value = ''] = found;
  return [`net/${protocol}/${group}/IFNAME/${name}`, value];
}
