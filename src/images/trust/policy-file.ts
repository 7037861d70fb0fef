import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import { parseStrictJson } from './strict-json.js';

export type RequirementType = 'insecureAcceptAnything' | 'reject' | 'signedBy' | 'signedBaseLayer' | 'sigstoreSigned';

export interface Policy {
  readonly file: string;
  readonly fallback: readonly RequirementType[];
  /** Transport -> scope -> requirements, of which all must hold. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly RequirementType[]>>;
}

/** Fields of each requirement: the format is strict, since a misspelt one would demand less than its author thought. */
const fields: Readonly<Record<RequirementType, readonly string[]>> = {
  insecureAcceptAnything: [],
  reject: [],
  signedBy: ['keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity'],
  signedBaseLayer: ['baseLayerIdentity'],
  sigstoreSigned: [
    ...['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki', 'signedIdentity'],
    ...['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'],
  ],
};

type Json = Readonly<Record<string, unknown>>;

function fail(file: string, reason: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_POLICY_FILE', `${file}: ${reason}`, { path: file, cause });
}

function object(file: string, value: unknown, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw fail(file, `${where} must be an object`);
}

function onlyFields(file: string, value: Json, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw fail(file, `unknown field ${JSON.stringify(unknown)} in ${where}, which has ${known.join(', ')}`);
}

function requirements(file: string, value: unknown, where: string): readonly RequirementType[] {
  if (!Array.isArray(value) || value.length === 0) throw fail(file, `${where} must be an array of requirements`);
  return value.map((item, i) => {
    const requirement = object(file, item, `${where}[${i}]`);
    const type = requirement['type'];
    if (typeof type !== 'string' || !Object.hasOwn(fields, type))
      throw fail(file, `${where}[${i}].type ${JSON.stringify(type)} is none of ${Object.keys(fields).join(', ')}`);
    onlyFields(file, requirement, ['type', ...fields[type as RequirementType]], `${where}[${i}]`);
    return type as RequirementType;
  });
}

/** @throws ERR_PODRUN_POLICY_FILE @see containers-policy.json(5) */
export function parsePolicy(file: string, source: string): Policy {
  let parsed: unknown;
  try {
    parsed = parseStrictJson(source);
  } catch (cause) {
    throw fail(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const document = object(file, parsed, 'the document');
  onlyFields(file, document, ['default', 'transports'], 'the document');
  const transports = Object.entries(object(file, document['transports'] ?? {}, 'transports')).map(([name, value]) => {
    const scopes = Object.entries(object(file, value, `transports.${name}`)).map(
      ([scope, list]) => [scope, requirements(file, list, `transports.${name}[${JSON.stringify(scope)}]`)] as const,
    );
    return [name, new Map(scopes)] as const;
  });
  return { file, fallback: requirements(file, document['default'], 'default'), transports: new Map(transports) };
}

function defaultFiles(): readonly string[] {
  return [join(homedir(), '.config'), '/etc'].map((folder) => join(folder, 'containers', 'policy.json'));
}

/** The user's policy, else the system's; undefined when the machine has none. @throws ERR_PODRUN_POLICY_FILE */
export function readPolicy(files: readonly string[] = defaultFiles()): Policy | undefined {
  for (const file of files) {
    let source: string;
    try {
      source = readFileSync(file, 'utf8');
    } catch (error) {
      const code = errnoCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      throw fail(file, `cannot read it: ${code ?? error}`, error);
    }
    return parsePolicy(file, source);
  }
  return undefined;
}
