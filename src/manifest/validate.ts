import type { Draft } from './check.js';
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, labelValueProblems } from './names.js';
import type { Job, ObjectMeta, Pod, PodSpec } from './pod.js';
import type { Findings, Path } from './report.js';
import { validateContainers } from './validate-container.js';

const mostAnnotationBytes = 256 * 1024;

/**
 * The API server's rules for a Pod beyond the form of each field, in its words, so that they can be looked up. What is
 * checked is what was written, before defaults: none of the defaults breaks a rule.
 * @see k8s.io/kubernetes pkg/apis/core/validation, pkg/apis/batch/validation
 */
export function validatePod(pod: Draft<Pod>, findings: Findings, path: Path): void {
  validateMeta(pod.metadata ?? {}, findings, [...path, 'metadata']);
  validatePodSpec(pod.spec ?? {}, findings, [...path, 'spec']);
}

export function validateJob(job: Draft<Job>, findings: Findings, path: Path): void {
  validateMeta(job.metadata ?? {}, findings, [...path, 'metadata']);
  const { backoffLimit = 0, template = {} } = job.spec ?? {};
  if (backoffLimit < 0)
    findings.invalid([...path, 'spec', 'backoffLimit'], backoffLimit, 'must be greater than or equal to 0');
  const at: Path = [...path, 'spec', 'template'];
  validateLabels(template.metadata ?? {}, findings, [...at, 'metadata']);
  if (template.spec !== undefined) {
    validatePodSpec(template.spec, findings, [...at, 'spec']);
    validateJobRestartPolicy(template.spec.restartPolicy, findings, [...at, 'spec', 'restartPolicy']);
  }
}

/** A Job's Pods have to end: the policy that a Pod has by default is not allowed, so another one has to be given. */
function validateJobRestartPolicy(given: string | undefined, findings: Findings, path: Path): void {
  const values = '"OnFailure", "Never"';
  if (given === undefined) findings.required(path, `valid values: ${values}`);
  else if (given === 'Always') findings.problem(path, `Unsupported value: "Always": supported values: ${values}`);
}

function validateMeta(meta: Draft<ObjectMeta>, findings: Findings, path: Path): void {
  const { name = '', generateName = '', namespace = '' } = meta;
  // A generateName may end with a dash: characters follow.
  const prefix = generateName.replace(/-$/, 'a');
  for (const problem of prefix === '' ? [] : dnsSubdomainProblems(prefix))
    findings.invalid([...path, 'generateName'], generateName, problem);
  if (name === '' && generateName === '') findings.required([...path, 'name'], 'name or generateName is required');
  for (const problem of name === '' ? [] : dnsSubdomainProblems(name))
    findings.invalid([...path, 'name'], name, problem);
  for (const problem of namespace === '' ? [] : dnsLabelProblems(namespace))
    findings.invalid([...path, 'namespace'], namespace, problem);
  validateLabels(meta, findings, path);
  validateOwners(meta.ownerReferences ?? [], findings, [...path, 'ownerReferences']);
}

function validateLabels(meta: Draft<ObjectMeta>, findings: Findings, path: Path): void {
  const labels: Path = [...path, 'labels'];
  for (const [key, value = ''] of Object.entries(meta.labels ?? {})) {
    const where: Path = [...labels, { key }];
    for (const problem of labelKeyProblems(key)) findings.invalid(labels, key, problem, { at: 'key', where });
    for (const problem of labelValueProblems(value)) findings.invalid(labels, value, problem, { where });
  }
  const annotations: Path = [...path, 'annotations'];
  let bytes = 0;
  for (const [key, value = ''] of Object.entries(meta.annotations ?? {})) {
    const where: Path = [...annotations, { key }];
    for (const problem of labelKeyProblems(key.toLowerCase()))
      findings.invalid(annotations, key, problem, { at: 'key', where });
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > mostAnnotationBytes)
    findings.problem(annotations, `Too long: may not be more than ${mostAnnotationBytes} bytes`, { at: 'key' });
}

function validateOwners(
  owners: NonNullable<Draft<ObjectMeta>['ownerReferences']>,
  findings: Findings,
  path: Path,
): void {
  const [first, second] = owners.filter((owner) => owner.controller === true);
  if (first === undefined || second === undefined) return;
  const found = `${first.kind}/${first.name} and ${second.kind}/${second.name}`;
  findings.problem(path, `Invalid value: only one reference can have controller set to true, found it in ${found}`, {
    at: 'key',
  });
}

function validatePodSpec(spec: Draft<PodSpec>, findings: Findings, path: Path): void {
  const volumes = new Set<string>();
  for (const [index, { name = '' }] of (spec.volumes ?? []).entries()) {
    const here: Path = [...path, 'volumes', index, 'name'];
    if (name === '') continue;
    for (const problem of dnsLabelProblems(name)) findings.invalid(here, name, problem);
    if (volumes.has(name)) findings.problem(here, `Duplicate value: ${JSON.stringify(name)}`);
    volumes.add(name);
  }
  validateContainers(spec, volumes, findings, path);
  const { terminationGracePeriodSeconds: grace = 0, hostname = '' } = spec;
  if (grace < 0)
    findings.invalid([...path, 'terminationGracePeriodSeconds'], grace, 'must be greater than or equal to 0');
  for (const problem of hostname === '' ? [] : dnsLabelProblems(hostname))
    findings.invalid([...path, 'hostname'], hostname, problem);
}
