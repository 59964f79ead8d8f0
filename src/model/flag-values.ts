// Values of flags that several verbs take, from their words to the API's shape.
import { UsageError } from '../base/command-line.ts';
import type { SandboxBody } from './wire.ts';

/** `K=V` each; a later one of the same key counts. Errors: `UsageError`. */
export function keyValues(words: readonly string[], flag: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => splitAt(word, word.indexOf('='), `${flag} ${word}: KEY=VALUE`)),
  );
}

/** `K=V` each, or `K` alone for an empty value. */
export function labelValues(words: readonly string[]): Readonly<Record<string, string>> {
  return keyValues(
    words.map((word) => (word.includes('=') ? word : `${word}=`)),
    '--label',
  );
}

/** `TARGET:ALIAS` each, or `TARGET` alone for its own name. */
export function linkValues(words: readonly string[]) {
  return words.map((word) => {
    if (!word.includes(':')) return { target: word, alias: word };
    const [target, alias] = splitAt(word, word.lastIndexOf(':'), `--link ${word}: TARGET:ALIAS`);
    return { target, alias };
  });
}

/** The flags `sandboxOptions` of launch-commands.ts as the body of a request. Errors: `UsageError`. */
export function sandboxBody(options: {
  readonly hostname: string | undefined;
  readonly dns: readonly string[];
  readonly 'dns-search': readonly string[];
  readonly 'dns-option': readonly string[];
  readonly 'add-host': readonly string[];
  readonly label: readonly string[];
}): SandboxBody {
  return {
    ...(options.hostname !== undefined && { hostname: options.hostname }),
    dns: { servers: options.dns, search: options['dns-search'], options: options['dns-option'] },
    extraHosts: options['add-host'].map((word) => {
      const [name, address] = splitAt(word, word.search(/[:=]/), `--add-host ${word}: NAME:ADDR`);
      return { name, address };
    }),
    labels: labelValues(options.label),
  };
}

function splitAt(word: string, index: number, form: string): [string, string] {
  if (index <= 0) throw new UsageError(`${form} is expected`);
  return [word.slice(0, index), word.slice(index + 1)];
}
