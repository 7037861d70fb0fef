import { execFile } from 'node:child_process';
import { errnoCode, PodrunError } from '../../errors.js';
import type { Credentials } from '../sources/auth.js';

/** Time for a helper that asks a keychain or a cloud. */
const defaultLimitMs = 30_000;
const maxOutputBytes = 1 << 20;

function fail(program: string, reason: string, hint?: string): PodrunError {
  return new PodrunError('ERR_PODRUN_CREDENTIAL_HELPER', `${program}: ${reason}`, { hint });
}

interface Answer {
  readonly ok: boolean;
  readonly stdout: string;
}

/** Letters, digits and a few signs: a file that others wrote must not be able to name a program by path. */
function programOf(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return `docker-credential-${name}`;
  throw fail(`credential helper ${JSON.stringify(name)}`, 'not a name');
}

function ask(program: string, verb: string, input: string, limitMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes, encoding: 'utf8' } as const;
    const child = execFile(program, [verb], options, (error, stdout) => {
      if (!error) return resolve({ ok: true, stdout });
      if (errnoCode(error) === 'ENOENT')
        return reject(fail(program, 'no such program on the search path', 'install it, or remove it from the file'));
      if (errnoCode(error) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
        return reject(fail(program, `answered "${verb}" with more than ${maxOutputBytes} bytes`));
      if (error.killed) return reject(fail(program, `no answer to "${verb}" within ${limitMs / 1000} s`));
      if (typeof error.code === 'string') return reject(fail(program, `cannot run it: ${error.code}`));
      resolve({ ok: false, stdout });
    });
    // A helper that does not read its input is no failure.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/**
 * Asks docker-credential-NAME, as a program with arguments, never through a shell.
 * @returns undefined when the helper has nothing for the server
 * @throws ERR_PODRUN_CREDENTIAL_HELPER; what the helper printed is never part of a message, it may be the secret
 * @see https://github.com/docker/docker-credential-helpers#development
 */
export async function askHelper(
  name: string,
  server: string,
  limitMs = defaultLimitMs,
): Promise<Credentials | undefined> {
  const program = programOf(name);
  const { ok, stdout } = await ask(program, 'get', `${server}\n`, limitMs);
  // The protocol has no other way to say so than this text.
  if (!ok && /credentials not found/i.test(stdout)) return undefined;
  if (!ok) throw fail(program, `failed to get the login of ${server}`, `try: echo ${server} | ${program} get`);
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(stdout) ?? {};
  } catch {
    throw fail(program, 'did not answer with JSON');
  }
  const { Username: username, Secret: password } = answer;
  if (typeof username !== 'string' || typeof password !== 'string')
    throw fail(program, 'answered without Username or Secret');
  if (username === '' && password === '') return undefined;
  // Docker's mark for a refresh token in the place of a password.
  const token = username === '<token>';
  return { username, password: token ? '' : password, origin: program, ...(token && { identityToken: password }) };
}

/** Has the helper keep a login. @throws ERR_PODRUN_CREDENTIAL_HELPER */
export async function storeInHelper(name: string, server: string, login: Credentials): Promise<void> {
  const program = programOf(name);
  const input = JSON.stringify({ ServerURL: server, Username: login.username, Secret: login.password });
  const { ok } = await ask(program, 'store', input, defaultLimitMs);
  if (!ok) throw fail(program, `failed to store the login of ${server}`);
}

/** Has the helper forget a login. @throws ERR_PODRUN_CREDENTIAL_HELPER */
export async function eraseInHelper(name: string, server: string): Promise<void> {
  const program = programOf(name);
  const { ok, stdout } = await ask(program, 'erase', `${server}\n`, defaultLimitMs);
  if (!ok && !/credentials not found/i.test(stdout)) throw fail(program, `failed to erase the login of ${server}`);
}
