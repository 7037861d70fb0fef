import { PodrunError } from '../../errors.js';
import { isLoopbackHost, isMachineLocal } from '../sources/addresses.js';

/** Token services that belong to a registry, on hosts that don't show it. */
const siblings: Readonly<Record<string, string>> = {
  'registry-1.docker.io': 'auth.docker.io',
};

/** Nobody on the way can read along: a password goes nowhere else, whatever "insecure" may say. */
export function isPrivate(url: URL): boolean {
  return url.protocol === 'https:' || isLoopbackHost(url.hostname);
}

/**
 * The token service must be as safe to talk to as the registry that named it.
 * @throws ERR_PODRUN_REGISTRY_REFUSED
 */
export function judgeRealm(scope: { readonly origin: string; readonly insecure: boolean }, realm?: string): URL {
  const from = new URL(scope.origin);
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  const refuse = (reason: string) =>
    new PodrunError(
      'ERR_PODRUN_REGISTRY_REFUSED',
      `token service ${url?.origin ?? JSON.stringify(realm)} refused: ${reason}`,
    );
  if (!url || url.username || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw refuse('not a usable URL');
  if (url.protocol === 'http:' && !(isLoopbackHost(url.hostname) || (scope.insecure && url.host === from.host))) {
    throw refuse('plain http is for loopback only');
  }
  if (!isMachineLocal(from.hostname) && isMachineLocal(url.hostname)) throw refuse('that is this machine');
  return url;
}

/** A name and those below it are in one hand; two names below the same parent need not be (a.co.uk, b.co.uk). */
function isBelow(name: string, parent: string): boolean {
  return parent.includes('.') && !/^[\d.]+$|:/.test(parent) && name.endsWith(`.${parent}`);
}

/** Whether a registry's credentials may go to a token service that it named. */
export function ownsRealm(registry: URL, realm: URL): boolean {
  if (!isPrivate(realm) || (registry.protocol === 'https:' && realm.protocol === 'http:')) return false;
  const [own, other] = [registry.hostname, realm.hostname];
  return own === other || siblings[own] === other || isBelow(own, other) || isBelow(other, own);
}
