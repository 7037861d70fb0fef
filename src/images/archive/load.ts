import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { errnoCode, PodrunError } from '../../errors.js';
import { parseReference } from '../format/reference.js';
import type { PullEvent } from '../image.js';
import { type PullTools, pullImage, withWorkspace } from '../pull.js';
import { LayoutSource } from '../sources/layout.js';
import { storeError } from '../store/store.js';
import type { Workspace } from '../store/workspace.js';
import { enforcePolicy } from '../trust/policy.js';
import { readPolicy } from '../trust/policy-file.js';
import type { ArchiveContents } from './contents.js';
import { readDockerArchive } from './docker.js';
import { readMembers, refuseArchive } from './members.js';
import { layoutImages, readOciArchive } from './oci.js';

export interface LoadRequest {
  readonly from: string | NodeJS.ReadableStream;
  /** Full reference for an image without a name. */
  readonly name?: string | undefined;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

function openArchive(from: string | NodeJS.ReadableStream): { name: string; stream: Readable; directory: boolean } {
  if (typeof from !== 'string') return { name: '<stdin>', stream: Readable.from(from), directory: false };
  try {
    const directory = statSync(from).isDirectory();
    return {
      name: from,
      directory,
      stream: directory ? Readable.from([]) : createReadStream(from, { highWaterMark: 1 << 20 }),
    };
  } catch (cause) {
    throw refuseArchive(from, errnoCode(cause) === 'ENOENT' ? 'there is no such file' : String(cause), cause);
  }
}

/** docker save of today writes both forms; the one with digests goes first. */
async function readArchive(
  name: string,
  from: Readable,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<ArchiveContents> {
  const members = await readMembers(name, from, workspace, signal);
  if (members.has('oci-layout') && members.has('index.json')) return readOciArchive(name, members);
  if (members.has('manifest.json')) return readDockerArchive(name, members);
  throw refuseArchive(name, 'it has neither index.json with oci-layout (OCI) nor manifest.json (Docker)');
}

function readDirectory(directory: string): ArchiveContents {
  let index: Uint8Array;
  try {
    index = readFileSync(join(directory, 'index.json'));
  } catch (cause) {
    throw refuseArchive(directory, 'it has no index.json', cause);
  }
  return { transport: 'oci', source: new LayoutSource(directory), images: layoutImages(directory, index) };
}

/** Which digest goes under which reference. */
function assignments(name: string, { images }: ArchiveContents, given: string | undefined): Map<string, string> {
  if (images.length === 0) throw refuseArchive(name, 'it has no images');
  const nameless = images.filter(({ references }) => references.length === 0);
  if (nameless.length > (given === undefined ? 0 : 1)) {
    const hint = nameless.length === 1 ? 'give it one: --name REFERENCE' : undefined;
    throw new PodrunError('ERR_PODRUN_ARCHIVE', `archive ${name} has an image without a name`, { path: name, hint });
  }
  const reference = given === undefined ? undefined : parseReference(given).text;
  return new Map(
    images.flatMap(({ digest, references }) =>
      references.length > 0 ? references.map((one) => [one, digest] as const) : reference ? [[reference, digest]] : [],
    ),
  );
}

function checkPolicy(path: string, transport: ArchiveContents['transport'], image: string): void {
  const policy = readPolicy();
  const scopes = path === '<stdin>' ? [] : [`${resolve(path)}:${image}`, resolve(path)];
  if (policy) enforcePolicy(policy, image, { transport, scopes });
}

/**
 * Brings the images of an archive into the store, by the way that pulled images take: every blob's size and digest and every
 * layer's DiffID are compared.
 * @returns the references
 * @throws ERR_PODRUN_ARCHIVE, ERR_PODRUN_IMAGE_*, ERR_PODRUN_BLOB_*, ERR_PODRUN_LAYER_*, ERR_PODRUN_STORE*
 */
export async function loadArchive(tools: PullTools, request: LoadRequest): Promise<readonly string[]> {
  const { from, signal, onEvent } = request;
  const { name, stream, directory } = openArchive(from);
  return withWorkspace(tools, async (workspace) => {
    try {
      const contents = directory ? readDirectory(name) : await readArchive(name, stream, workspace, signal);
      const wanted = assignments(name, contents, request.name);
      for (const image of wanted.keys()) checkPolicy(name, contents.transport, image);
      for (const [image, digest] of wanted)
        await pullImage(tools, {
          image,
          wanted: { digest },
          sources: [contents.source],
          allBlobs: true,
          signal,
          onEvent,
        });
      return [...wanted.keys()];
    } catch (error) {
      throw storeError(`load ${name}`, error);
    }
  });
}
