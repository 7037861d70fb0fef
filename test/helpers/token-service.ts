/** The token service of a registry: signs what docker-registry accepts, for readers without a login and for writers with one. */

import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Certificate, makeCertificate } from './certificate.js';
import { password, user } from './login.js';

export interface TokenService {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly certificate: Certificate;
  /** Every request it got: scope and Authorization. */
  readonly requests: readonly { readonly scope: string; readonly authorization: string | undefined }[];
  stop(): Promise<void>;
}

const issuer = 'podrun-test-issuer';
const service = 'podrun-test-registry';

function base64url(data: string | Uint8Array): string {
  return Buffer.from(data).toString('base64url');
}

/** @see https://distribution.github.io/distribution/spec/auth/jwt/ */
function signToken(certificate: Certificate, access: readonly object[], lifetimeSeconds: number): string {
  const x5c = [new X509Certificate(readFileSync(certificate.certFile)).raw.toString('base64')];
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: '',
    aud: service,
    nbf: now - 10,
    iat: now,
    exp: now + lifetimeSeconds,
    jti: `${now}`,
    access,
  };
  const text = `${base64url(JSON.stringify({ typ: 'JWT', alg: 'ES256', x5c }))}.${base64url(JSON.stringify(claims))}`;
  const key = createPrivateKey(readFileSync(certificate.keyFile));
  return `${text}.${base64url(sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }))}`;
}

/** Everybody may pull, except from private/; who logs in may do all that is asked for. */
function grant(scope: string, authorization: string | undefined): object[] {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const known = authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const allowed = actions.split(',').filter((action) => known || (action === 'pull' && !name.startsWith('private/')));
  return allowed.length > 0 ? [{ type, name, actions: allowed }] : [];
}

export async function startTokenService(directory: string): Promise<TokenService> {
  const certificate = await makeCertificate(directory, 'token-service');
  const requests: { scope: string; authorization: string | undefined }[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const scope = new URL(request.url ?? '', 'http://localhost').searchParams.get('scope') ?? '';
    const { authorization } = request.headers;
    requests.push({ scope, authorization });
    // A login that is wrong is an error, not a visitor without one.
    if (
      authorization !== undefined &&
      authorization !== `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    )
      return response.writeHead(401).end();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ token: signToken(certificate, grant(scope, authorization), 300), expires_in: 300 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    service,
    issuer,
    certificate,
    requests,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
