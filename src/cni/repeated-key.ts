// Finds a key that an object of a JSON document has twice, of which JSON.parse keeps the last without a word.

/**
 * The first repeated key of a member of the document that is an object; undefined when there is none.
 * @param text JSON that was parsed before, so that it is well-formed.
 */
export function repeatedKey(text: string, member: string): string | undefined {
  const tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g);
  /** Names of the objects around, and the keys each has had; lists have none. */
  const open: { readonly name: string; readonly keys?: Set<string> }[] = [];
  let last = '';
  let key = '';
  for (const [token] of tokens) {
    const inner = open.at(-1);
    if (token === '{') open.push({ name: key, keys: new Set() });
    else if (token === '[') open.push({ name: '' });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':' && inner?.keys !== undefined) {
      key = JSON.parse(last);
      const isWanted = open.length === 2 && inner.name.toLowerCase() === member.toLowerCase();
      if (isWanted && inner.keys.has(key)) return key;
      inner.keys.add(key);
    }
    last = token;
  }
  return undefined;
}
