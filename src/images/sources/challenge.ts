export interface Challenge {
  /** Lower case: "bearer", "basic". */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const space = /[ \t,]*/y;

/**
 * Reads a WWW-Authenticate header, which may hold several challenges.
 * @see RFC 9110 section 11.6.1
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(space);
    const word = take(token)?.[0];
    if (word === undefined) break;
    take(/[ \t]*/y);
    if (header[at] !== '=') {
      challenges.push({ scheme: word.toLowerCase(), parameters: {} });
      continue;
    }
    at++;
    take(/[ \t]*/y);
    const value = take(quoted)?.[1]?.replace(/\\(.)/g, '$1') ?? take(token)?.[0] ?? '';
    const current = challenges.at(-1);
    if (current) current.parameters[word.toLowerCase()] = value;
  }
  return challenges;
}
