/** Debian's docker-registry on a free loopback port, as open, password, token or TLS registry. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Certificate, makeCertificate } from './certificate.js';
import { run } from './command.js';
import { password, user } from './login.js';
import { startTokenService, type TokenService } from './token-service.js';

export interface RegistryOptions {
  /** Who may read: everybody (default), those with a password, those with a token. */
  readonly auth?: 'none' | 'basic' | 'token';
  /** With a certificate that nobody trusts yet. */
  readonly tls?: boolean;
  /** Keep the images here; otherwise they go when the registry stops. */
  readonly storage?: string;
}

export interface TestRegistry {
  /** "127.0.0.1:41234" */
  readonly host: string;
  /** "http://127.0.0.1:41234" */
  readonly url: string;
  /** Lines of its access log so far: 'GET /v2/x/blobs/sha256:... 200'. */
  readonly requests: readonly string[];
  readonly certificate?: Certificate;
  readonly tokens?: TokenService;
  stop(): Promise<void>;
}

/** bcrypt of the password, cheapest cost. */
const htpasswd = `${user}:$2b$04$gAfBD6lvEmDlTCx5.seMNuPtyvRcFMpW02e0OIhpp6Jk7w6TlG3T6\n`;

function authSection(directory: string, tokens: TokenService | undefined, auth: RegistryOptions['auth']): object {
  if (auth === 'basic') {
    writeFileSync(join(directory, 'htpasswd'), htpasswd);
    return { auth: { htpasswd: { realm: 'podrun-test', path: join(directory, 'htpasswd') } } };
  }
  if (!tokens) return {};
  const { realm, service, issuer, certificate } = tokens;
  return { auth: { token: { realm, service, issuer, rootcertbundle: certificate.certFile } } };
}

/** JSON is YAML. */
function configText(
  directory: string,
  options: RegistryOptions,
  tokens?: TokenService,
  certificate?: Certificate,
): string {
  const tls = certificate && { tls: { certificate: certificate.certFile, key: certificate.keyFile } };
  return JSON.stringify({
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: options.storage ?? join(directory, 'images') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'test', ...tls },
    ...authSection(directory, tokens, options.auth),
  });
}

/** Follows the log: the port it got, and every request it answered. */
async function follow(process: ChildProcess, requests: string[]): Promise<string> {
  const seen: string[] = [];
  return new Promise((resolve, reject) => {
    for (const stream of [process.stdout, process.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        seen.push(line);
        const listening = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
        if (listening) resolve(listening);
        const request = /"(GET|HEAD|PUT|POST|PATCH) (\S+) HTTP[^"]*" (\d+)/.exec(line);
        if (request) requests.push(`${request[1]} ${request[2]} ${request[3]}`);
      });
    }
    process.once('error', reject);
    process.once('exit', (code) => reject(new Error(`docker-registry ended with ${code}: ${seen.join('\n')}`)));
  });
}

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'podrun-registry-'));
  const tokens = options.auth === 'token' ? await startTokenService(directory) : undefined;
  const certificate = options.tls ? await makeCertificate(directory, 'registry') : undefined;
  const config = join(directory, 'config.json');
  writeFileSync(config, configText(directory, options, tokens, certificate));
  // Whatever ends the test, the registry ends with it.
  const process = spawn('setpriv', ['--pdeathsig', 'KILL', 'docker-registry', 'serve', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const requests: string[] = [];
  const host = await follow(process, requests);
  return {
    host,
    url: `${options.tls ? 'https' : 'http'}://${host}`,
    requests,
    ...(certificate && { certificate }),
    ...(tokens && { tokens }),
    async stop() {
      const ended = once(process, 'exit');
      process.kill('SIGKILL');
      await Promise.all([process.exitCode === null ? ended : undefined, tokens?.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Copies an image of an OCI layout with skopeo, to Docker's format if so wished. */
export async function copyWithSkopeo(
  layout: string,
  tag: string,
  registry: Pick<TestRegistry, 'host'>,
  name: string,
  options: { readonly schema2?: boolean; readonly login?: boolean } = {},
): Promise<void> {
  const format = options.schema2 ? ['--format', 'v2s2'] : ['--all'];
  const login = options.login ? ['--dest-creds', `${user}:${password}`] : ['--dest-no-creds'];
  const destination = [
    '--dest-tls-verify=false',
    ...login,
    `oci:${layout}:${tag}`,
    `docker://${registry.host}/${name}`,
  ];
  await run('skopeo', ['--insecure-policy', 'copy', '--quiet', ...format, ...destination]);
}
