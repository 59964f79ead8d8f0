// net completion: scripts that let a shell complete verbs and flags.
import { type Command, type Options, UsageError } from '../../base/command-line.ts';
import { defineVerb, type Verb } from '../verb.ts';

/** What follows some words, e.g. `sandbox` → `create ls inspect rm`. */
interface Completion {
  readonly after: string;
  readonly words: readonly string[];
}

const shells = { bash, zsh, fish };

/** The commands are asked for late, because this verb is one of them. */
export function completion(commands: () => readonly Command[]): Verb {
  return defineVerb(
    {
      name: 'net completion',
      summary: 'Print a completion script for bash, zsh or fish; e.g. eval "$(net completion bash)".',
      operands: ['SHELL'],
      options: {},
    },
    async ({ operands: [shell] }, { write }) => {
      const script = Object.hasOwn(shells, shell) ? shells[shell as keyof typeof shells] : undefined;
      if (script === undefined)
        throw new UsageError(`no completion for ${shell}; there is bash, zsh and fish`);
      await write(script(completions(commands())));
    },
  );
}

function completions(commands: readonly Command[]): readonly Completion[] {
  const next = new Map<string, Set<string>>();
  for (const { name, options } of commands) {
    const words = name.split(' ').slice(1);
    words.forEach((word, i) => {
      const before = words.slice(0, i).join(' ');
      next.set(before, (next.get(before) ?? new Set()).add(word));
    });
    next.set(words.join(' '), new Set(flags(options)));
  }
  return [...next].map(([after, words]) => ({ after, words: [...words] }));
}

function flags(options: Options): readonly string[] {
  return [...Object.keys(options), 'help'].map((name) => `--${name}`);
}

function bash(all: readonly Completion[]): string {
  const groups = new Set(
    all.filter(({ after }) => after.includes(' ')).map(({ after }) => after.split(' ')[0]),
  );
  const ofGroup = [...groups].map((group) => `${group}|${group}\\ *`).join('|');
  const cases = all.map(({ after, words }) => `    '${after}') words='${words.join(' ')}' ;;`);
  return `# bash completion for net
_net() {
  local words verb="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case "$verb" in ${ofGroup}) verb=$(echo \${verb%% -*} | cut -d' ' -f1-2) ;; *) verb=\${verb%% *} ;; esac
  case "$verb" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _net net
`;
}

/** zsh runs bash completions. */
function zsh(all: readonly Completion[]): string {
  return `#compdef net\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`;
}

function fish(all: readonly Completion[]): string {
  const lines = all.flatMap(({ after, words }) => {
    const condition = after === '' ? '__fish_use_subcommand' : fishCondition(after, words);
    const verbs = words.filter((word) => !word.startsWith('--'));
    const options = words.filter((word) => word.startsWith('--')).map((word) => `-l ${word.slice(2)}`);
    return [
      ...(verbs.length === 0 ? [] : [`complete -c net -n '${condition}' -f -a '${verbs.join(' ')}'`]),
      ...options.map((option) => `complete -c net -n '${condition}' ${option}`),
    ];
  });
  return `# fish completion for net\n${lines.join('\n')}\n`;
}

function fishCondition(after: string, words: readonly string[]): string {
  const seen = after.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const open = words.some((word) => !word.startsWith('--'));
  return [...seen, ...(open ? [`not __fish_seen_subcommand_from ${words.join(' ')}`] : [])].join('; and ');
}
