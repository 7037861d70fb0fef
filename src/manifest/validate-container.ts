import type { Draft } from './check.js';
import { dnsLabelProblems, envNameProblems, portNameProblems } from './names.js';
import { nearest } from './nearest.js';
import type { Container, PodSpec } from './pod.js';
import { compareQuantities, finerThanMilli, parseQuantity } from './quantity.js';
import type { Findings, Path } from './report.js';

/** Rules for the containers of a Pod, and that their names are unique over all of them. */
export function validateContainers(
  spec: Draft<PodSpec>,
  volumes: ReadonlySet<string>,
  findings: Findings,
  path: Path,
): void {
  const names = new Set<string>();
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const here: Path = [...path, list, index];
      validateContainer(container, volumes, findings, here);
      const { name = '' } = container;
      if (names.has(name)) findings.problem([...here, 'name'], `Duplicate value: ${JSON.stringify(name)}`);
      if (name !== '') names.add(name);
    }
  }
}

function validateContainer(
  container: Draft<Container>,
  volumes: ReadonlySet<string>,
  findings: Findings,
  path: Path,
): void {
  const { name = '', image = '' } = container;
  for (const problem of name === '' ? [] : dnsLabelProblems(name)) findings.invalid([...path, 'name'], name, problem);
  if (image !== image.trim())
    findings.invalid([...path, 'image'], image, 'must not have leading or trailing whitespace');
  for (const [index, env] of (container.env ?? []).entries()) {
    const { name: variable = '' } = env;
    for (const problem of variable === '' ? [] : envNameProblems(variable))
      findings.invalid([...path, 'env', index, 'name'], variable, problem);
  }
  validatePorts(container.ports ?? [], findings, [...path, 'ports']);
  validateMounts(container.volumeMounts ?? [], volumes, findings, [...path, 'volumeMounts']);
  validateResources(container.resources ?? {}, findings, [...path, 'resources']);
}

type Part<K extends keyof Container> = NonNullable<Draft<Container>[K]>;

function validatePorts(ports: Part<'ports'>, findings: Findings, path: Path): void {
  const names = new Set<string>();
  for (const [index, { name = '', containerPort: port }] of ports.entries()) {
    const here: Path = [...path, index];
    for (const problem of name === '' ? [] : portNameProblems(name)) findings.invalid([...here, 'name'], name, problem);
    if (names.has(name)) findings.problem([...here, 'name'], `Duplicate value: ${JSON.stringify(name)}`);
    if (name !== '') names.add(name);
    if (port === 0) findings.required([...here, 'containerPort']);
    else if (port !== undefined && (port < 1 || port > 65535)) {
      findings.invalid([...here, 'containerPort'], port, 'must be between 1 and 65535, inclusive');
    }
  }
}

function validateMounts(
  mounts: Part<'volumeMounts'>,
  volumes: ReadonlySet<string>,
  findings: Findings,
  path: Path,
): void {
  const taken = new Set<string>();
  for (const [index, { name = '', mountPath = '' }] of mounts.entries()) {
    const here: Path = [...path, index];
    if (name !== '' && !volumes.has(name)) {
      const near = nearest(name, volumes);
      const hint = near === undefined ? 'no volume of the Pod has this name' : `did you mean ${JSON.stringify(near)}?`;
      findings.problem([...here, 'name'], `Not found: ${JSON.stringify(name)}: ${hint}`);
    }
    if (mountPath === '') continue;
    if (mountPath.includes(':')) findings.invalid([...here, 'mountPath'], mountPath, "must not contain ':'");
    if (taken.has(mountPath)) findings.invalid([...here, 'mountPath'], mountPath, 'must be unique');
    taken.add(mountPath);
  }
}

function validateResources({ limits = {}, requests = {} }: Part<'resources'>, findings: Findings, path: Path): void {
  for (const [list, amounts] of Object.entries({ limits, requests })) {
    for (const [key, amount] of Object.entries(amounts))
      validateAmount(key, amount, findings, [...path, list, { key }]);
  }
  for (const name of ['cpu', 'memory'] as const) {
    const [limit, request] = [limits[name], requests[name]];
    if (limit === undefined || request === undefined || compareQuantities(request, limit) <= 0) continue;
    const where: Path = [...path, 'requests', { key: name }];
    findings.invalid([...path, 'requests'], request, `must be less than or equal to ${name} limit of ${limit}`, {
      where,
    });
  }
}

function validateAmount(name: string, amount: string | undefined, findings: Findings, path: Path): void {
  if (name !== 'cpu' && name !== 'memory') findings.problem(path, refusal(name), { at: 'key' });
  if (amount === undefined) return;
  if (compareQuantities(amount, '0') < 0) findings.invalid(path, amount, 'must be greater than or equal to 0');
  if (name === 'cpu' && finerThanMilli(parseQuantity(amount)))
    findings.invalid(path, amount, 'must not be finer than 1m, a thousandth of a core');
}

function refusal(name: string): string {
  if (name === 'ephemeral-storage') return 'not supported yet: disk space is not limited';
  if (name.startsWith('hugepages-')) return 'not supported yet: huge pages';
  if (name.includes('/')) return 'not supported yet: there are no device plugins to provide it';
  const near = nearest(name, ['cpu', 'memory', 'ephemeral-storage']);
  const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
  return `Invalid value: ${JSON.stringify(name)}: must be a standard resource for containers${hint}`;
}
