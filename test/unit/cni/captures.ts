// Requests recorded from container runtimes, in test/captures/cni.
import { readdirSync, readFileSync } from 'node:fs';
import type { CniBody } from '../../../src/cni/protocol.ts';

export interface Capture {
  /** `podman.txt 3: bridge ADD`. */
  readonly title: string;
  readonly body: CniBody;
  /** What the reference plugin printed; empty for nothing. */
  readonly stdout: string;
}

const directory = new URL('../../captures/cni/', import.meta.url);

export function readCaptures(): readonly Capture[] {
  const captures = readdirSync(directory).flatMap((file) => {
    const [, ...blocks] = readFileSync(new URL(file, directory), 'utf8').split(/^### /m);
    return blocks.map((block, i) => readCapture(block, `${file} ${i + 1}`));
  });
  // A table of no rows would be a test that cannot fail.
  if (captures.length === 0) throw new Error(`no captures in ${directory.pathname}`);
  return captures;
}

function readCapture(block: string, place: string): Capture {
  const [heading = '', ...lines] = block.trimEnd().split('\n');
  const of = (name: string) =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
  const variables = lines.filter((line) => /^CNI_\w+=/.test(line)).map((line) => line.split(/=(.*)/, 2));
  return {
    title: `${place}: ${heading}`,
    body: { environment: Object.fromEntries(variables), configuration: of('STDIN') },
    stdout: of('STDOUT'),
  };
}
