// The names every server has: of each sandbox its own name and nine aliases. And those that only an upstream has.

export interface NamedSandbox {
  readonly address: string;
  /** Its own comes first. */
  readonly names: readonly string[];
}

const sandboxCount = 100;
const namesPerSandbox = 10;

export const nameCount = sandboxCount * namesPerSandbox;
export const namePrefix = 'web';
/** Of the upstream of each server, in the namespace it asks from. */
export const upstreamAddress = '127.0.0.2';

export const sandboxes: readonly NamedSandbox[] = Array.from({ length: sandboxCount }, (_, position) => ({
  address: `10.88.0.${position + 100}`,
  names: Array.from(
    { length: namesPerSandbox },
    (_, index) => `${namePrefix}${position * namesPerSandbox + index}`,
  ),
}));

/** As dnsperf reads them: both questions of a C library, the second of which no record answers. */
export const ownQuestions = sandboxes
  .flatMap(({ names }) => names)
  .map((name) => `${name} A\n${name} AAAA\n`)
  .join('');

export const outsideQuestions = Array.from(
  { length: nameCount },
  (_, number) => `host${number}.example A\n`,
).join('');
