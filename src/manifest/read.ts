import { type Draft, SchemaCheck } from './check.js';
import { defaultJob, defaultPod, type RandomSuffix } from './defaults.js';
import { nearest } from './nearest.js';
import type { Job, ManifestFile, Pod, Workload } from './pod.js';
import { type Finding, Findings, manifestError, type Path, SourceText } from './report.js';
import { apiVersionsOf, knownKinds } from './schema/kinds.js';
import { readDocuments } from './text/documents.js';
import type { Document } from './text/yaml-document.js';
import { validateJob, validatePod } from './validate.js';

export type ManifestInput = { readonly text: string; readonly name: string } | { readonly object: unknown };

export interface ManifestOptions {
  /** For metadata.generateName; random when absent. */
  readonly randomSuffix?: RandomSuffix;
}

/**
 * Reads a manifest: YAML or JSON text of one or more documents, or an object as the API has it, into validated Pods and
 * Jobs with the API's defaults filled in.
 * @param input  `name` is what messages call the text, such as its file's name
 * @throws ERR_PODRUN_MANIFEST_SYNTAX, ERR_PODRUN_MANIFEST_INVALID: one error that tells all there is to tell of the text
 */
export function readManifest(input: ManifestInput, options: ManifestOptions = {}): ManifestFile {
  const randomSuffix = options.randomSuffix ?? fiveRandomCharacters;
  if ('object' in input) return readObjects([objectDocument(input.object)], undefined, randomSuffix);
  const source = new SourceText(input.name, input.text);
  return readObjects(readDocuments(source), source, randomSuffix);
}

function readObjects(
  documents: readonly Document[],
  source: SourceText | undefined,
  randomSuffix: RandomSuffix,
): ManifestFile {
  const workloads: Workload[] = [];
  const problems: Finding[] = [];
  const notices: string[] = [];
  const names = new Set<string>();
  for (const document of documents) {
    const findings = new Findings(document.locate, source);
    for (const { path, span } of document.duplicates)
      findings.problems.push({ path, message: 'is set more than once', span });
    for (const { value, path } of unfold(document.value, [])) {
      const workload = readObject(value, path, findings, randomSuffix);
      if (workload === undefined) continue;
      workloads.push(workload);
      const name = `${workload.kind} ${workload.metadata.namespace}/${workload.metadata.name}`;
      if (names.has(name))
        findings.problem([...path, 'metadata', 'name'], `Duplicate value: ${JSON.stringify(workload.metadata.name)}`);
      names.add(name);
      notices.push(...findings.takeNotice());
    }
    problems.push(...findings.problems);
  }
  if (problems.length === 0 && workloads.length === 0)
    problems.push({ path: [], message: 'there is no Kubernetes object in it', span: { start: 0, end: 0 } });
  if (problems.length > 0) throw manifestError('ERR_PODRUN_MANIFEST_INVALID', source, problems);
  return { workloads, notices };
}

/** The items of a List, each with its path in the document; anything else is itself. */
function unfold(value: unknown, path: Path): readonly { readonly value: unknown; readonly path: Path }[] {
  const { kind, apiVersion, items } = asRecord(value);
  if (kind !== 'List' || apiVersion !== 'v1' || !Array.isArray(items)) return [{ value, path }];
  return items.map((item, index) => ({ value: item, path: [...path, 'items', index] }));
}

function readObject(value: unknown, path: Path, findings: Findings, randomSuffix: RandomSuffix): Workload | undefined {
  const kind = kindOf(value, path, findings);
  if (kind === undefined) return undefined;
  const checked = new SchemaCheck(findings).object(kind, value, path);
  if (kind === 'Pod') {
    const pod: Draft<Pod> = checked;
    validatePod(pod, findings, path);
    return defaultPod(pod, randomSuffix);
  }
  const job: Draft<Job> = checked;
  validateJob(job, findings, path);
  return defaultJob(job, randomSuffix);
}

const apiVersions = { Pod: 'v1', Job: 'batch/v1' } as const;

function kindOf(value: unknown, path: Path, findings: Findings): 'Pod' | 'Job' | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    findings.problem(path, 'expected a Kubernetes object with apiVersion and kind');
    return undefined;
  }
  const { kind, apiVersion } = asRecord(value);
  if (typeof kind !== 'string' || kind === '') {
    findings.required([...path, 'kind']);
    return undefined;
  }
  if (kind !== 'Pod' && kind !== 'Job') {
    findings.problem([...path, 'kind'], refusalOf(kind, apiVersion));
    return undefined;
  }
  const expected = apiVersions[kind];
  if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== expected) {
    findings.problem(
      [...path, 'apiVersion'],
      `Unsupported value: ${JSON.stringify(apiVersion)}: a ${kind} is in ${JSON.stringify(expected)}`,
    );
  }
  return kind;
}

function refusalOf(kind: string, apiVersion: unknown): string {
  const runs = 'podrun runs Pods (v1) and Jobs (batch/v1)';
  if (kind === 'List') return 'a List is in "v1" and has a list of items';
  const known = knownKinds();
  if (known.includes(kind)) {
    const versions = apiVersionsOf(kind);
    const version = typeof apiVersion === 'string' && versions.includes(apiVersion) ? apiVersion : versions.join(', ');
    return `${kind} (${version}) is not supported yet; ${runs}`;
  }
  const near = nearest(kind, ['Pod', 'Job', 'List', ...known]);
  return `unknown kind ${JSON.stringify(kind)}; ${near === undefined ? runs : `did you mean ${JSON.stringify(near)}?`}`;
}

function objectDocument(value: unknown): Document {
  return { value, duplicates: [], locate: () => undefined };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** From the letters of k8s.io/apimachinery pkg/util/rand: no vowels, so no words. */
function fiveRandomCharacters(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length: 5 }, () => letters[Math.floor(Math.random() * letters.length)]).join('');
}
