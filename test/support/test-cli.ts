// The command line against the API over a daemon in memory, on a real socket, in one process.
import { runProgram, type Surroundings } from '../../src/cli/program.ts';
import type { FakeController } from './fake-controller.ts';
import { listeningApi } from './test-api.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestCli {
  readonly controller: FakeController;
  readonly socket: string;
  /** Runs one command line; the last argument may change what is around it. */
  readonly net: (...args: readonly string[]) => Promise<Outcome>;
  readonly netIn: (around: Partial<Surroundings>, ...args: readonly string[]) => Promise<Outcome>;
}

export async function testCli(): Promise<TestCli> {
  const { controller, socket } = await listeningApi();
  const netIn: TestCli['netIn'] = (around, ...args) =>
    runNet(args, { environment: { FAIRLEAD_HOST: `unix://${socket}` }, ...around });
  return { controller, socket, net: (...args) => netIn({}, ...args), netIn };
}

/** Runs one command line and collects what it prints. */
export async function runNet(args: readonly string[], around: Partial<Surroundings> = {}): Promise<Outcome> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const status = await runProgram(args, {
    version: '1.2.3',
    environment: {},
    write: async (data) => void stdout.push(String(data)),
    warn: (message) => stderr.push(`net: ${message}\n`),
    confirm: undefined,
    ...around,
  });
  return { status, stdout: stdout.join(''), stderr: stderr.join('') };
}
