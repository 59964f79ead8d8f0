// The tables of docs/dns.md that are rules with a question and an answer, as data.
import { readFileSync } from 'node:fs';

/** A row of a table `rule | question | answer`. */
export interface DocumentedRule {
  readonly rule: string;
  /** The questions, each to be answered alike: `web A`. */
  readonly questions: readonly { readonly name: string; readonly type: string }[];
  /** Who asks: what follows the questions, without `asked`; empty for the usual asker. */
  readonly asker: string;
  /** As it stands, marks of code included. */
  readonly answer: string;
}

const document = new URL('../../docs/dns.md', import.meta.url).pathname;
const header = '| rule | question | answer |';

export function documentedRules(): readonly DocumentedRule[] {
  const tables = readFileSync(document, 'utf8').split(header).slice(1);
  return tables.flatMap((text) => {
    const lines = text.split('\n').slice(2);
    const end = lines.findIndex((line) => !line.startsWith('|'));
    return lines.slice(0, end).map(toRule);
  });
}

function toRule(line: string): DocumentedRule {
  const [rule = '', question = '', answer = ''] = line
    .slice(1)
    .split('|')
    .map((cell) => cell.trim());
  const questions = [...question.matchAll(/`(\S+) ([A-Z]+)`/g)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
  if (questions.length === 0) throw new Error(`${rule}: no question in ${question}`);
  const asker = /, asked (.*)$/.exec(question)?.[1] ?? '';
  return { rule, questions, asker, answer };
}
