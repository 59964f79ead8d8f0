// Makes the store runnable by plain node, for tests that need it in a process of its own.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');

/** Transpiles a source file and all it imports into the directory; returns the path of its result. */
export function transpile(source: string, directory: string): string {
  const done = new Set<string>();
  const waiting = [source];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (done.has(file)) continue;
    done.add(file);
    const compilerOptions: ts.CompilerOptions = {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    };
    const text = ts.transpileModule(readFileSync(join(root, file), 'utf8'), {
      compilerOptions,
      fileName: 'a.mts',
    }).outputText;
    const target = join(directory, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    for (const [, path = ''] of text.matchAll(/from ['"](\.[^'"]+)\.js['"]/g))
      waiting.push(join(dirname(file), `${path}.ts`));
  }
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  return join(directory, source.replace(/\.ts$/, '.js'));
}
