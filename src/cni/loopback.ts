// The plugin `loopback`, under its own name: brings the loopback interface of a namespace up.
import type { RuntimeController } from '../core/runtime-requests.ts';
import { decodeResult, printResult } from './convert.ts';
import { cniCode, toCniError } from './errors.ts';
import type { CniRequest } from './protocol.ts';
import type { CniResult } from './result.ts';

const noMac = '00:00:00:00:00:00';

/** By `type` of the configuration, or else by the name the plugin was started under. */
export function isLoopback({ configuration, program }: CniRequest): boolean {
  return (configuration.text('type') ?? program) === 'loopback';
}

/** What is to be printed. Errors: 103 for a namespace that is not there, 7 for what is none or the host's; neither for DEL. */
export async function loopback(core: RuntimeController, request: CniRequest): Promise<string> {
  const { command, netns, version, configuration } = request;
  switch (command) {
    case 'ADD': {
      const ips = await raise(core, netns);
      const previous = configuration.object('prevResult');
      const result = previous === undefined ? resultOf(netns, ips) : decodeResult(previous, version);
      return printResult(result, version);
    }
    case 'CHECK':
      await raise(core, netns);
      return '';
    case 'DEL':
      await lower(core, netns);
      return '';
    default:
      return '';
  }
}

function resultOf(netns: string, addresses: Awaited<ReturnType<typeof raise>>): CniResult {
  return {
    interfaces: [{ name: 'lo', mac: noMac, sandbox: netns }],
    ips: addresses.map((address) => ({ address, interface: 0 })),
    routes: [],
    dns: {},
  };
}

function raise(core: RuntimeController, netns: string) {
  return core.loopback(netns, true);
}

/** Where the namespace was may be nothing, or what it was mounted on: then there is nothing to do. */
async function lower(core: RuntimeController, netns: string): Promise<void> {
  if (netns === '') return;
  try {
    await core.loopback(netns, false);
  } catch (error) {
    const { code } = toCniError(error);
    if (code !== cniCode.notFound && code !== cniCode.badConfiguration) throw error;
  }
}
