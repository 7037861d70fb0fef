import { PodrunError } from '../../errors.js';
import type { ImageConfig } from '../image.js';
import type { Platform } from './descriptor.js';
import { isDigest } from './digest.js';

export interface ParsedConfig {
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Digests of the uncompressed layers, bottom first. */
  readonly diffIds: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

function refuse(image: string, reason: string): PodrunError {
  return new PodrunError('ERR_PODRUN_IMAGE_CONFIG', `config of image ${image} is not usable: ${reason}`, { image });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Typed access to one JSON object; null counts as absent, as in Go's encoding/json, which wrote these files. */
class Fields {
  constructor(
    private readonly image: string,
    private readonly object: Json,
    private readonly where: string,
  ) {}

  #get(key: string): unknown {
    return Object.hasOwn(this.object, key) ? (this.object[key] ?? undefined) : undefined;
  }

  #fail(key: string, expected: string): PodrunError {
    return refuse(this.image, `${this.where}${key} must be ${expected}`);
  }

  /** One line of text: a control character in a user or a path would end up in the container's files. */
  text(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || value === '') return undefined;
    if (typeof value !== 'string' || /\p{Cc}/u.test(value))
      throw this.#fail(key, 'a string without control characters');
    return value;
  }

  /** Strings as the kernel takes them: anything but a NUL. */
  list(key: string): string[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    const good = Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));
    if (!good) throw this.#fail(key, 'a list of strings without NUL');
    return value as string[];
  }

  child(key: string): Json | undefined {
    const value = this.#get(key);
    if (value === undefined || isObject(value)) return value;
    throw this.#fail(key, 'an object');
  }

  keys(key: string): string[] | undefined {
    const value = this.child(key);
    return value && Object.keys(value);
  }

  strings(key: string): Record<string, string> | undefined {
    const value = this.child(key);
    if (value && !Object.values(value).every((item) => typeof item === 'string'))
      throw this.#fail(key, 'an object of strings');
    return value as Record<string, string> | undefined;
  }
}

/** Leaves absent fields out, as exactOptionalPropertyTypes wants it. */
function present<T extends Readonly<Record<string, unknown>>>(
  object: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

function readConfig(image: string, object: Json): ImageConfig {
  const fields = new Fields(image, object, 'config.');
  const env = fields.list('Env') ?? [];
  const nameless = env.find((entry) => entry.startsWith('=') || entry === '');
  if (nameless !== undefined)
    throw refuse(image, `config.Env has an entry without a name: ${JSON.stringify(nameless)}`);
  return {
    env,
    ...present({
      user: fields.text('User'),
      exposedPorts: fields.keys('ExposedPorts'),
      entrypoint: fields.list('Entrypoint'),
      cmd: fields.list('Cmd'),
      volumes: fields.keys('Volumes'),
      workingDir: fields.text('WorkingDir'),
      labels: fields.strings('Labels'),
      stopSignal: fields.text('StopSignal'),
    }),
  };
}

function readDiffIds(image: string, object: Json): readonly string[] {
  const rootfs = new Fields(image, object, '').child('rootfs');
  if (!rootfs) throw refuse(image, 'rootfs is missing');
  const fields = new Fields(image, rootfs, 'rootfs.');
  if (fields.text('type') !== 'layers') throw refuse(image, 'rootfs.type must be "layers"');
  const diffIds = fields.list('diff_ids') ?? [];
  const bad = diffIds.find((diffId) => !isDigest(diffId));
  if (bad !== undefined)
    throw refuse(image, `rootfs.diff_ids has ${JSON.stringify(bad)}, which is not a sha256 digest`);
  return diffIds;
}

/**
 * Reads an image's config blob, whose digest the caller has verified.
 * @throws ERR_PODRUN_IMAGE_CONFIG
 * @see image-spec v1.1 config.md
 */
export function parseConfig(image: string, data: Uint8Array): ParsedConfig {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', `config of image ${image} is not JSON`, { image, cause });
  }
  if (!isObject(document)) throw refuse(image, 'it is not an object');
  const fields = new Fields(image, document, '');
  const os = fields.text('os');
  const architecture = fields.text('architecture');
  if (!os || !architecture) throw refuse(image, 'os or architecture is missing');
  const platform = { os, architecture, ...present({ variant: fields.text('variant') }) };
  return { platform, config: readConfig(image, fields.child('config') ?? {}), diffIds: readDiffIds(image, document) };
}
