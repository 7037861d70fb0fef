/** Limits of glibc's resolver (MAXNS) and of the API (dnsConfig): more would be read by no program. */
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

export interface ResolvConf {
  readonly text: string;
  /** What was left out or will not work, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * The resolv.conf(5) of a Pod from the host's: nameservers, search list and options, within the limits that hold in
 * Kubernetes. A nameserver on loopback is kept, though nothing answers there in the Pod's network namespace.
 */
export function podResolvConf(host: string): ResolvConf {
  const { nameservers, search, options } = parse(host);
  const problems: string[] = [];
  const kept = nameservers.slice(0, maxNameservers);
  if (kept.length < nameservers.length) {
    problems.push(
      `only ${maxNameservers} nameservers are used; left out: ${nameservers.slice(maxNameservers).join(' ')}`,
    );
  }
  if (kept.length > 0 && kept.every(isLoopback)) {
    problems.push(`the host's nameserver ${kept.join(', ')} is on its loopback and can't be reached from the Pod`);
  }
  const searches = withinLimits(search);
  if (searches.length < search.length) {
    problems.push(
      `only ${searches.length} search domains are used; left out: ${search.slice(searches.length).join(' ')}`,
    );
  }
  const text = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}\n`] : []),
    ...kept.map((address) => `nameserver ${address}\n`),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
  ].join('');
  return { text, problems };
}

function parse(text: string): {
  nameservers: readonly string[];
  search: readonly string[];
  options: readonly string[];
} {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    if (/^[#;]/.test(line)) continue;
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) nameservers.push(words[0]);
    // `domain` is a search list of one; the last of them in the file counts (resolv.conf(5)).
    else if (keyword === 'search') search = words.filter((word) => word !== '.');
    else if (keyword === 'domain') search = words.slice(0, 1);
    else if (keyword === 'options') options = [...options.filter((option) => !words.includes(option)), ...words];
  }
  return { nameservers: [...new Set(nameservers)], search: [...new Set(search)], options };
}

function withinLimits(search: readonly string[]): readonly string[] {
  const kept = search.slice(0, maxSearches);
  while (kept.join(' ').length > maxSearchLength) kept.pop();
  return kept;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === 'localhost';
}
