/**
 * Parses JSON and refuses a name that comes twice in one object: JSON.parse keeps the last one without a word, so that two
 * readers of a file could take it for two different things.
 * @throws SyntaxError
 */
export function parseStrictJson(source: string): unknown {
  const parsed: unknown = JSON.parse(source); // from here on the text is known to be well-formed
  const objects: (Set<string> | undefined)[] = [];
  let word = '';
  for (const [token] of source.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token === ':') {
      const name: string = JSON.parse(word);
      if (objects.at(-1)?.has(name)) throw new SyntaxError(`${word} comes twice`);
      objects.at(-1)?.add(name);
    } else word = token;
  }
  return parsed;
}
