import { PodrunError } from '../../errors.js';
import type { ImageUsers } from '../plan.js';
import { hasControlCharacter } from './control-characters.js';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** All groups of the process, the primary one first: a process without it here could lose access by group (CVE-2022-2989). */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/** The kernel takes more, but runtimes have wrapped larger numbers to 0 (CVE-2024-40635); containerd's limit too. */
const maxId = 2 ** 31 - 1;
/** passwd and group come from the image: text beyond this is refused, not searched. */
const maxFileLength = 1 << 20;
const maxGroups = 65536; // NGROUPS_MAX, setgroups(2)

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Resolves an image's USER: `user`, `uid`, `user:group`, `uid:gid`, `uid:group`, `user:gid`, or nothing for root.
 * Digits are always a number. A uid that passwd does not know has gid 0, home "/" and no other groups; a name must be known.
 * @throws ERR_PODRUN_USER for an unknown name, a number above 2^31-1, or passwd and group that cannot be trusted
 * @see image-spec v1.1 config.md, `User`
 */
export function resolveUser(spec: string, files: ImageUsers): ResolvedUser {
  const [userPart = '', groupPart = '', ...rest] = spec.split(':');
  if (rest.length > 0 || hasControlCharacter(spec)) throw userError(spec, 'expected user, uid, user:group or uid:gid');

  const uid = userPart === '' ? 0 : numericId(spec, userPart);
  const entry = findUser(files.passwd, uid === undefined ? { name: userPart } : { uid });
  if (uid === undefined && entry === undefined)
    throw userError(spec, `no user "${userPart}" in the image's /etc/passwd`);
  if (entry !== undefined && (entry.uid > maxId || entry.gid > maxId)) {
    throw userError(spec, `/etc/passwd of the image gives "${entry.name}" an id above ${maxId}`);
  }
  const home = entry?.home || '/';
  // A line break in HOME has been used to forge lines of files that are written from it (CVE-2022-4318).
  if (hasControlCharacter(home)) throw userError(spec, 'its home directory in /etc/passwd has control characters');

  const gid = groupPart === '' ? (entry?.gid ?? 0) : resolveGroup(spec, groupPart, files.group);
  const others = entry === undefined ? [] : groupsOf(spec, entry.name, files.group);
  return { uid: uid ?? entry?.uid ?? 0, gid, additionalGids: [...new Set([gid, ...others])], home };
}

/** A number within bounds, or undefined for a name. */
function numericId(spec: string, text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > maxId) throw userError(spec, `ids run from 0 to ${maxId}`);
  return id;
}

function findUser(
  passwd: string,
  wanted: { readonly name: string } | { readonly uid: number },
): PasswdEntry | undefined {
  const needle = 'name' in wanted ? `${wanted.name}:` : '';
  for (const [name = '', , uid = '', gid = '', , home = ''] of entries('/etc/passwd', passwd, needle)) {
    if ('uid' in wanted ? Number(uid) !== wanted.uid : name !== wanted.name) continue;
    // A line whose numbers do not parse is no entry; to read them as 0 would make its user root.
    if (isNumber(uid) && isNumber(gid)) return { name, uid: Number(uid), gid: Number(gid), home };
  }
  return undefined;
}

function resolveGroup(spec: string, text: string, group: string): number {
  const number = numericId(spec, text);
  if (number !== undefined) return number;
  for (const [name, , gid = ''] of entries('/etc/group', group, `${text}:`)) {
    if (name === text && isNumber(gid)) return checkedGid(spec, gid);
  }
  throw userError(spec, `no group "${text}" in the image's /etc/group`);
}

/** Groups that list the user as a member; the group of the user's own name is not a supplementary one, as in containerd. */
function groupsOf(spec: string, user: string, group: string): readonly number[] {
  const gids: number[] = [];
  for (const [name, , gid = '', members = ''] of entries('/etc/group', group, user)) {
    if (name === user || !isNumber(gid) || !members.split(',').includes(user)) continue;
    gids.push(checkedGid(spec, gid));
    if (gids.length > maxGroups) throw userError(spec, `more than ${maxGroups} groups in the image's /etc/group`);
  }
  return gids;
}

function checkedGid(spec: string, gid: string): number {
  if (Number(gid) > maxId) throw userError(spec, `/etc/group of the image has an id above ${maxId}`);
  return Number(gid);
}

/**
 * Fields of each entry of a passwd(5) or group(5) file that has `needle` in it: no blank lines, comments, or compat
 * lines (+ and -) of NIS. Searched as text, since the files are long and the entries wanted are few.
 */
function* entries(file: string, text: string, needle: string): Generator<readonly string[]> {
  if (text.length > maxFileLength) {
    throw new PodrunError('ERR_PODRUN_USER', `${file} of the image is longer than ${maxFileLength} characters`);
  }
  let found = text.indexOf(needle);
  while (found >= 0 && found < text.length) {
    const start = found === 0 ? 0 : text.lastIndexOf('\n', found - 1) + 1;
    const newline = text.indexOf('\n', found);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== '' && !'#+-:'.includes(line[0] as string)) yield line.split(':');
    found = text.indexOf(needle, end + 1);
  }
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function userError(spec: string, reason: string): PodrunError {
  return new PodrunError('ERR_PODRUN_USER', `cannot run as user ${JSON.stringify(spec)}: ${reason}`);
}
