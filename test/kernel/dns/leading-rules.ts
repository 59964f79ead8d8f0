// The rules that lead questions to us, as nft(8) shows them.
import { run } from '../../support/own-network.ts';

/** The lines of our table that say something. */
export function rulesIn(namespacePath: string): readonly string[] {
  return run('nft --numeric-priority list table ip fairlead-names', namespacePath)
    .split('\n')
    .map((line) => line.trim().replace(/ # .*/, ''))
    .filter((line) => /^(table|type|flags|ip)/.test(line));
}
