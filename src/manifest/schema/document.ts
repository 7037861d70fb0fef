import type { Field } from './field.js';
import { fieldsOf, typeNames } from './types.js';

const roots = ['Pod', 'Job'];

const preface = `# Fields of a Pod and a Job

Every field of \`v1\` Pod and \`batch/v1\` Job (k8s.io/api v0.36.3), and what podrun does with it. This page is made from the table that manifests are
checked against (\`src/manifest/schema/\`): \`npm run docs:fields\` after a change there.

| word | meaning |
| --- | --- |
| yes | works as in Kubernetes |
| no effect | accepted, checked for its form, kept and shown; one notice says that it has no effect on one machine |
| not yet | an error with file, line and column; the value in brackets is what the API takes an absent field for, and is accepted |
| dropped | set by an API server; passed over without a word |

A field that is in none of these tables is an error that names the nearest field there is.
`;

/** The text of docs/pod-fields.md. */
export function podFieldsDocument(): string {
  const acted = reachable();
  const tables = acted.map((type) => `## ${type}\n\n${table(type)}\n`);
  const others = typeNames().filter((type) => !acted.includes(type));
  const rest = others.map(
    (type) =>
      `- **${type}**: ${Object.keys(fieldsOf(type) ?? {})
        .map(code)
        .join(', ')}`,
  );
  const heading =
    '## Types inside fields that are refused or have no effect\n\nTheir fields are known, so that a misspelt one is found.\n';
  return `${[preface, ...tables, heading].join('\n')}\n${rest.join('\n')}\n`;
}

/** The types that podrun acts on a part of, in the order in which a reader meets them. */
function reachable(): readonly string[] {
  const found = [...roots];
  for (const type of found) {
    for (const field of Object.values(fieldsOf(type) ?? {})) {
      const known = found.includes(field.type) || fieldsOf(field.type) === undefined;
      if (field.status === 'supported' && !known) found.push(field.type);
    }
  }
  return found;
}

function table(type: string): string {
  const rows = Object.entries(fieldsOf(type) ?? {}).map(
    ([name, field]) => `| ${code(name)} | ${typeOf(field)} | ${statusOf(field)} | ${noteOf(field)} |`,
  );
  return ['| field | type | podrun | |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function typeOf({ type, shape }: Field): string {
  return { one: type, list: `list of ${type}`, map: `map to ${type}` }[shape];
}

function statusOf(field: Field): string {
  if (field.status === 'supported')
    return field.implemented === undefined ? 'yes' : `only ${field.implemented.map(code).join(', ')}`;
  if (field.status === 'notice') return 'no effect';
  if (field.status === 'dropped') return 'dropped';
  return field.default === undefined || typeof field.default === 'object'
    ? 'not yet'
    : `not yet (${code(`${field.default}`)})`;
}

function noteOf(field: Field): string {
  const parts: string[] = [];
  if (field.required) parts.push('required');
  if (field.values !== undefined)
    parts.push(`one of ${field.values.map((value) => code(value === '' ? '""' : value)).join(', ')}`);
  if (field.status === 'supported' && field.default !== undefined) parts.push(`default ${code(`${field.default}`)}`);
  if (field.note !== undefined) parts.push(field.note);
  return parts.join('; ');
}

function code(text: string): string {
  return `\`${text}\``;
}
