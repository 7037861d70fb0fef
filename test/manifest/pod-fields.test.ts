import { readFileSync } from 'node:fs';
import t from 'tap';
import { podFieldsDocument } from '../../src/manifest/schema/document.js';
import { fieldsOf, typeNames } from '../../src/manifest/schema/types.js';

t.test('docs/pod-fields.md is what the schema says (npm run docs:fields)', async (t) => {
  const file = new URL('../../docs/pod-fields.md', import.meta.url);
  t.equal(readFileSync(file, 'utf8'), podFieldsDocument());
});

t.test('every type that a field names exists, and every type is named by a field', async (t) => {
  const scalars = ['string', 'bool', 'int32', 'int64', 'quantity', 'intOrString', 'any'];
  const named = typeNames().flatMap((type) => Object.values(fieldsOf(type) ?? {}).map((field) => field.type));
  t.strictSame(new Set(named.filter((type) => fieldsOf(type) === undefined && !scalars.includes(type))), new Set());
  t.strictSame(new Set(typeNames().filter((type) => !named.includes(type))), new Set(['Pod', 'Job']));
});

t.test('the types have as many fields as in k8s.io/api v0.36.3', async (t) => {
  const counts = {
    PodSpec: 42,
    Container: 25,
    EphemeralContainer: 26,
    PodSecurityContext: 13,
    SecurityContext: 12,
    Probe: 10,
    Volume: 31,
    VolumeMount: 7,
    EnvVarSource: 5,
    JobSpec: 16,
    ObjectMeta: 15,
  };
  for (const [type, count] of Object.entries(counts)) t.equal(Object.keys(fieldsOf(type) ?? {}).length, count, type);
});

t.test('a default and what is implemented are values that the field can have', async (t) => {
  for (const type of typeNames()) {
    for (const [name, field] of Object.entries(fieldsOf(type) ?? {})) {
      const { values, implemented = [] } = field;
      if (values === undefined) continue;
      t.ok(field.default === undefined || values.includes(field.default as string), `${type}.${name}`);
      t.ok(
        implemented.every((value) => values.includes(value)),
        `${type}.${name}`,
      );
    }
  }
});
