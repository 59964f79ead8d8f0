// Programs and libraries that ask for names, each with its own resolver code, and how to read what they say.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDig } from './dns-lab.ts';
import { python } from './dns-upstreams.ts';
import type { TestHost } from './test-host.ts';

export type ClientQuestion =
  | { readonly kind: 'address'; readonly name: string; readonly family: 4 | 6 }
  | { readonly kind: 'name'; readonly address: string }
  | { readonly kind: 'service'; readonly name: string };

export interface DnsClient {
  readonly name: string;
  /** A command line; undefined for what it cannot ask. */
  command(question: ClientQuestion): string | undefined;
  /** What it found, in its order; or `no name`, or `no data`. */
  read(text: string): readonly string[];
  /** What it says where there is no data, if it cannot tell. */
  readonly noData?: string;
  /** A program that takes many of its commands, each as an argument, and prints `=====` after each answer. */
  readonly together?: string;
}

const sources = new URL('../e2e/dns-clients/', import.meta.url).pathname;

/** The clients that are compiled, in a folder that is to be removed. */
export interface CompiledClients {
  readonly glibc: string;
  readonly musl: string;
  remove(): void;
}

export function compileClients(): CompiledClients {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-dns-clients-'));
  const source = join(sources, 'resolve.c');
  const [glibc, musl] = [join(folder, 'glibc'), join(folder, 'musl')];
  execFileSync('cc', ['-O1', '-o', glibc, source, '-lresolv']);
  execFileSync('musl-gcc', ['-static', '-O1', '-o', musl, source]);
  return { glibc, musl, remove: () => rmSync(folder, { recursive: true }) };
}

export function clients({ glibc, musl }: Pick<CompiledClients, 'glibc' | 'musl'>): readonly DnsClient[] {
  return [
    digLike('dig', 'dig +tries=2 +time=5 +search'),
    digLike('dig over TCP', 'dig +tcp +tries=2 +time=5 +search'),
    digLike('dig without EDNS', 'dig +noedns +tries=2 +time=5 +search'),
    digLike('drill', 'drill'),
    digLike('drill over TCP', 'drill -t'),
    getaddrinfo('getaddrinfo of glibc', glibc),
    getaddrinfo('getaddrinfo of musl', musl, 'no name'),
    getaddrinfo('Python', `${python} ${sources}resolve.py`),
    resQuery('res_query of glibc', glibc),
    resQuery('res_query of musl', musl),
    getent,
    busybox,
    cAres,
  ];
}

function digLike(name: string, program: string): DnsClient {
  return {
    name,
    command: (question) =>
      question.kind === 'name'
        ? `${program} -x ${question.address}`
        : `${program} ${question.name} ${typeOf(question)}`,
    read(text) {
      const { status, answers } = readDig(text);
      if (status === 'NXDOMAIN') return ['no name'];
      if (status !== 'NOERROR') return [status];
      if (answers.length === 0) return ['no data'];
      return answers.map((line) => line.replace(/^.*? IN \w+ /, '').replace(/\.$/, ''));
    },
  };
}

function getaddrinfo(name: string, program: string, noData = 'no data'): DnsClient {
  return {
    name,
    command: (question) =>
      question.kind === 'address'
        ? `${program} address ${question.name} ${question.family}`
        : question.kind === 'name'
          ? `${program} name ${question.address}`
          : undefined,
    read: linesOf,
    noData,
  };
}

function resQuery(name: string, program: string): DnsClient {
  return {
    name,
    // It asks for what it is told, and searches nowhere.
    command: (question) =>
      question.kind === 'name' ? undefined : `${program} query ${question.name} ${typeOf(question)}`,
    read: linesOf,
  };
}

const getent: DnsClient = {
  name: 'getent',
  command: (question) =>
    question.kind === 'address' ? `getent ahostsv${question.family} ${question.name}` : undefined,
  read(text) {
    const found = new Set(linesOf(text).map((line) => line.split(/\s+/)[0] ?? ''));
    return found.size === 0 ? ['no name'] : [...found];
  },
  noData: 'no name',
};

const busybox: DnsClient = {
  name: 'nslookup of busybox',
  command: (question) =>
    question.kind === 'name'
      ? `busybox nslookup ${question.address}`
      : `busybox nslookup -type=${typeOf(question)} ${question.name}`,
  read(text) {
    if (/NXDOMAIN/.test(text)) return ['no name'];
    const lines = linesOf(text).slice(2);
    const found = lines.flatMap(
      (line) => /^Address: (.*)$/.exec(line)?.[1] ?? /(?:name|service) = (.*)$/.exec(line)?.[1] ?? [],
    );
    // Of no data it says nothing.
    return found.length === 0 ? ['no data'] : found;
  },
};

const cAres: DnsClient = {
  name: 'c-ares',
  command: (question) => {
    if (question.kind === 'address') return `address ${question.name} ${question.family}`;
    return `${question.kind} ${question.kind === 'name' ? question.address : question.name}`;
  },
  read: linesOf,
  together: `${process.execPath} ${sources}resolve.mjs`,
};

function typeOf(question: Exclude<ClientQuestion, { kind: 'name' }>): string {
  if (question.kind === 'service') return 'SRV';
  return question.family === 4 ? 'A' : 'AAAA';
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Has a client ask all these in a sandbox, by what its own files there say; those it cannot ask are undefined. */
export async function askBy(
  client: DnsClient,
  host: TestHost,
  sandbox: string,
  questions: readonly ClientQuestion[],
): Promise<readonly (readonly string[] | undefined)[]> {
  const commands = questions.map((question) => client.command(question));
  const script =
    client.together === undefined
      ? commands.map((command) => `${command ?? ':'} 2>&1; echo =====`).join('\n')
      : [client.together, ...commands.map((command) => `'${command}'`)].join(' ');
  const texts = (await host.net('exec', sandbox, '--', 'sh', '-c', script)).split('=====\n');
  return commands.map((command, index) =>
    command === undefined ? undefined : client.read(texts[index]?.replace(/=====$/, '') ?? ''),
  );
}

/** An address a program written in Go finds for a name with Go's own resolver, or `no name`. */
export async function askByGo(host: TestHost, sandbox: string, name: string): Promise<string> {
  const command = ['podman', '--remote', '--url', `tcp://${name}:1`, 'version'];
  const { stderr } = await host.tryNet('exec', '--env', 'GODEBUG=netdns=go', sandbox, '--', ...command);
  // Nobody listens at port 1: it says whom it could not reach.
  const address = /dial tcp \[?([\da-f.:]+?)\]?:1: connect/.exec(stderr)?.[1];
  return address ?? (/no such host/.test(stderr) ? 'no name' : stderr);
}
