import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { PodrunError } from '../../src/errors.js';
import type { ManifestFile } from '../../src/manifest/pod.js';
import { readManifest } from '../../src/manifest/read.js';

const corpus = join(
  process.env['PODRUN_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url)),
  'corpus',
);
const skip = existsSync(corpus) ? false : 'no corpus of manifests: PODRUN_SHARED does not lead to one';

function read(file: string): ManifestFile | PodrunError {
  try {
    return readManifest({ text: readFileSync(join(corpus, file), 'utf8'), name: file });
  } catch (error) {
    if (error instanceof PodrunError) return error;
    throw error;
  }
}

t.test(
  'every manifest of others is read, or refused with a place and a reason for each problem',
  { skip },
  async (t) => {
    const files = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.(ya?ml|json)$/.test(path),
    );
    t.ok(files.length > 200);
    const read_ = files.map((file) => ({ file, result: read(file) }));
    for (const { file, result } of read_) {
      if (!(result instanceof PodrunError)) continue;
      t.equal(result.code, 'ERR_PODRUN_MANIFEST_INVALID', file);
      t.ok(
        result.problems?.every(({ line, column }) => line !== undefined && column !== undefined),
        `${file}: positions`,
      );
      const reasons = /not supported yet|Required value|Invalid value|unknown field/;
      for (const { message } of result.problems ?? []) t.match(message, reasons, file);
    }
    const accepted = read_.filter(({ result }) => !(result instanceof PodrunError)).length;
    t.comment(`${accepted} of ${files.length} accepted`);
    t.ok(accepted >= 57, `${accepted} accepted`);
  },
);

t.test('the seeds', { skip }, async (t) => {
  const seed = (name: string) => read(`seeds/${name}.yaml`);
  const kinds = (name: string) => {
    const result = seed(name);
    return result instanceof PodrunError
      ? result.message
      : result.workloads.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  };
  t.strictSame(kinds('000-test-sdk'), ['Pod test-sdk']);
  t.strictSame(kinds('001-hello-job'), ['Job hello']);
  t.strictSame(kinds('001-nginx'), ['Pod nginx']);
  t.strictSame(kinds('003-lumpy-koala'), ['Pod lumpy-koala']);
  const refused = seed('002-example-pod') as PodrunError;
  t.strictSame(
    refused.problems?.map(({ line, column, path }) => [line, column, path]),
    [
      [5, 11, 'metadata.name'],
      [11, 13, 'spec.containers[0].name'],
    ],
  );
  t.match(refused.message, /RFC 1123 subdomain[\s\S]*RFC 1123 label/);
});

t.test('fields that no released API has are refused', { skip }, async (t) => {
  t.match(read('pods/security/security-context-7.yaml'), { message: /unknown field "cgroupOptions"/ });
});
