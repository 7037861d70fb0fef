/**
 * The rules for names, in the API server's words, so that a message can be looked up where people look for it.
 * Each function gives the reasons why a value is refused; none means it is fine.
 * @see k8s.io/apimachinery v0.36 pkg/api/validate/content
 */

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const keyPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

function matches(pattern: string, value: string): boolean {
  return new RegExp(`^${pattern}$`).test(value);
}

function tooLong(value: string, max: number): readonly string[] {
  return Buffer.byteLength(value) > max ? [`must be no more than ${max} bytes`] : [];
}

function example(pattern: string, ...examples: readonly string[]): string {
  return `(e.g. ${examples.map((one) => `'${one}'`).join(', or ')}, regex used for validation is '${pattern}')`;
}

/** Container, volume and namespace names, hostname: RFC 1123 label, at most 63 bytes. */
export function dnsLabelProblems(value: string): readonly string[] {
  const problems = tooLong(value, 63);
  if (matches(labelPattern, value)) return problems;
  if (matches(subdomainPattern, value)) return [...problems, 'must not contain dots'];
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...problems, `${rule} ${example(labelPattern, 'my-name', '123-abc')}`];
}

/** Names of objects: RFC 1123 subdomain, at most 253 bytes. */
export function dnsSubdomainProblems(value: string): readonly string[] {
  const problems = tooLong(value, 253);
  if (matches(subdomainPattern, value)) return problems;
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...problems, `${rule} ${example(subdomainPattern, 'example.com')}`];
}

/** Keys of labels and, lower-cased, of annotations: an optional DNS subdomain and '/', then at most 63 bytes. */
export function labelKeyProblems(value: string): readonly string[] {
  const rule = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${example(keyPattern, 'MyName', 'my.name', '123-abc')}`;
  const parts = value.split('/');
  if (parts.length > 2)
    return [`a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const problems: string[] = [];
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined)
    problems.push(...dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  if (name === '') problems.push('name part must be non-empty');
  problems.push(...tooLong(name, 63).map((problem) => `name part ${problem}`));
  if (!matches(keyPattern, name)) problems.push(`name part ${rule}`);
  return problems;
}

export function labelValueProblems(value: string): readonly string[] {
  const problems = tooLong(value, 63);
  if (matches(`(${keyPattern})?`, value)) return problems;
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...problems, `${rule} ${example(`(${keyPattern})?`, 'MyValue', 'my_value', '12345')}`];
}

/** Names of container ports (RFC 6335 service names, lower case only). */
export function portNameProblems(value: string): readonly string[] {
  const problems = [...tooLong(value, 15)];
  if (!/^[-a-z0-9]+$/.test(value))
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)');
  if (value.includes('--')) problems.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
}

/** Since Kubernetes 1.34 any printable ASCII but '=' (feature RelaxedEnvironmentVariableValidation). */
export function envNameProblems(value: string): readonly string[] {
  if (/^[ -<>-~]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}
