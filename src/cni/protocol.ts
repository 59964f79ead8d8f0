// A request as the plugin executable passes it on, checked for all the executable checks: the door is open to others, too.
import { isIfname } from '../base/ifname.ts';
import { type CniArgs, parseCniArgs } from './cni-args.ts';
import { CniError, cniCode } from './errors.ts';
import { Fields, parseFields } from './fields.ts';
import { type CniVersion, isAtLeast, newestVersion, parseVersion } from './versions.ts';

export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/** What is posted. */
export interface CniBody {
  /** The variables of the specification, and those that carry a trace. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the plugin read from its standard input. */
  readonly configuration: string;
  /** What the IPAM plugin printed, where another than ours was run. */
  readonly ipam?: string;
  /** Name the plugin was called by. */
  readonly program?: string;
}

export interface CniRequest {
  readonly command: CniCommand;
  /** Of the configuration, and so of the answer. */
  readonly version: CniVersion;
  /** `name` of the configuration; empty for VERSION. */
  readonly network: string;
  /** Empty where the command has none: GC, STATUS, VERSION. */
  readonly containerId: string;
  /** Also empty for a DEL after the namespace is gone. */
  readonly netns: string;
  readonly ifname: string;
  readonly path: string;
  readonly args: CniArgs;
  readonly configuration: Fields;
  /** The configuration as text, which tells keys written twice. */
  readonly source: string;
  readonly ipam?: string;
  readonly program?: string;
  readonly trace: TraceContext;
}

/** W3C trace context of the caller, for the log. */
export interface TraceContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

const commands: Readonly<
  Record<CniCommand, { readonly needs: readonly string[]; readonly since: CniVersion }>
> = {
  ADD: { needs: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'], since: '0.1.0' },
  DEL: { needs: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'], since: '0.1.0' },
  CHECK: { needs: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'], since: '0.4.0' },
  GC: { needs: ['CNI_PATH'], since: '1.1.0' },
  STATUS: { needs: ['CNI_PATH'], since: '1.1.0' },
  VERSION: { needs: [], since: '0.1.0' },
};

const nameForm = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const noArgs: CniArgs = { ips: [], gateways: [] };

/**
 * Errors, in the order they are looked for: 4 for the command and its missing variables, 6 for a configuration that is not
 * JSON, 7 for its name, 4 for container id, interface name and CNI_ARGS, 1 for the version.
 */
export function parseRequest(body: CniBody): CniRequest {
  const environment = (name: string) => body.environment[name] ?? '';
  const command = parseCommand(environment('CNI_COMMAND'));
  const common = {
    command,
    path: environment('CNI_PATH'),
    source: body.configuration,
    ...(body.ipam !== undefined && { ipam: body.ipam }),
    ...(body.program !== undefined && { program: body.program }),
    trace: traceOf(body.environment),
  };
  const nobody = { containerId: '', netns: '', ifname: '', args: noArgs };
  if (command === 'VERSION') {
    return { ...common, ...nobody, network: '', version: newestVersion, configuration: new Fields({}, '') };
  }
  checkVariables(command, body.environment);
  const configuration = parseFields(body.configuration, 'the network configuration');
  const network = networkName(configuration);
  const ofContainer = commands[command].needs.includes('CNI_CONTAINERID');
  const container = ofContainer
    ? {
        containerId: checkContainerId(environment('CNI_CONTAINERID')),
        netns: environment('CNI_NETNS'),
        ifname: checkIfname(environment('CNI_IFNAME')),
        args: parseCniArgs(environment('CNI_ARGS')),
      }
    : nobody;
  return { ...common, ...container, network, version: versionFor(command, configuration), configuration };
}

/** The version an error is reported in, whatever else is wrong with the configuration. */
export function versionOfErrors(configuration: string): CniVersion {
  try {
    return parseVersion(parseFields(configuration, '').string('cniVersion'), '');
  } catch {
    return newestVersion;
  }
}

function parseCommand(text: string): CniCommand {
  if (Object.hasOwn(commands, text)) return text as CniCommand;
  const known = Object.keys(commands).join(', ');
  throw new CniError(
    cniCode.badEnvironment,
    text === '' ? 'CNI_COMMAND is missing' : `unknown CNI_COMMAND ${text}; known are ${known}`,
  );
}

function checkVariables(command: CniCommand, environment: CniBody['environment']): void {
  const missing = commands[command].needs.filter((name) => !environment[name]);
  if (missing.length === 0) return;
  throw new CniError(cniCode.badEnvironment, `required variables are missing: ${missing.join(', ')}`);
}

function networkName(configuration: Fields): string {
  const name = configuration.text('name');
  if (name === undefined) {
    throw new CniError(cniCode.badConfiguration, 'name of the network is missing in its configuration');
  }
  if (!nameForm.test(name)) throw configuration.bad('name', 'of the form [a-zA-Z0-9][a-zA-Z0-9_.-]*');
  return name;
}

function checkContainerId(id: string): string {
  if (nameForm.test(id)) return id;
  throw new CniError(
    cniCode.badEnvironment,
    `CNI_CONTAINERID: ${JSON.stringify(id)} is not of the form [a-zA-Z0-9][a-zA-Z0-9_.-]*`,
  );
}

function checkIfname(name: string): string {
  if (isIfname(name)) return name;
  throw new CniError(
    cniCode.badEnvironment,
    `CNI_IFNAME: ${JSON.stringify(name)} is not an interface name (at most 15 characters, no slash, colon, percent sign or space)`,
  );
}

function versionFor(command: CniCommand, configuration: Fields): CniVersion {
  const version = parseVersion(configuration.string('cniVersion'), 'the network configuration');
  const { since } = commands[command];
  if (isAtLeast(version, since)) return version;
  throw new CniError(
    cniCode.incompatibleVersion,
    `incompatible CNI version: ${command} needs ${since}, and the network configuration is of ${version}`,
  );
}

function traceOf(environment: CniBody['environment']): TraceContext {
  const { TRACEPARENT: traceparent, TRACESTATE: tracestate, BAGGAGE: baggage } = environment;
  return {
    ...(traceparent && { traceparent }),
    ...(tracestate && { tracestate }),
    ...(baggage && { baggage }),
  };
}
