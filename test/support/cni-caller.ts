// Calls the CNI plugin as a container runtime does: environment, standard input, and the one document it prints.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;

export interface CniCall {
  /** Besides those every call has. Undefined takes one of those away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Standard input: a text as it is, anything else as JSON. Default: a configuration with a name. */
  readonly input?: unknown;
  /** What it is started as. */
  readonly program?: string;
}

export interface CniOutcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function callCni(command: string | undefined, call: CniCall = {}): Promise<CniOutcome> {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/c1',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/nowhere',
    ...call.env,
  };
  const set = Object.entries(env).filter(([, value]) => value !== undefined);
  const child = spawn(executable, [], { env: Object.fromEntries(set), argv0: call.program ?? executable });
  child.stdin.on('error', () => {}); // it may end without reading its input
  const input = call.input ?? { cniVersion: '1.0.0', name: 'lab' };
  child.stdin.end(typeof input === 'string' ? input : JSON.stringify(input));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

/** The outcome of a call that printed a document. */
export function documentOf({ stdout }: CniOutcome): Readonly<Record<string, unknown>> {
  return JSON.parse(stdout);
}
