import { BlockList, isIP } from 'node:net';
import { PodrunError } from '../../errors.js';
import { isLoopbackHost } from '../sources/addresses.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The lower-case form first, as curl does. */
function variable(env: Environment, name: string): string | undefined {
  return env[name.toLowerCase()] || env[name] || undefined;
}

/** A network such as 10.0.0.0/8, which undici's own reading of NO_PROXY doesn't know. */
function inNetwork(address: string, entry: string): boolean {
  const [network = '', bits = '', more] = entry.split('/');
  const family = isIP(network);
  if (more !== undefined || !/^\d{1,3}$/.test(bits) || family === 0 || isIP(address) !== family) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

function checked(name: string, value: string): string {
  const text = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  // Not the value itself: it may hold a password.
  throw new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', `${name} is not the URL of an http or https proxy`);
}

/**
 * What to go through on the way to a URL, or undefined for the direct way. This machine is never asked for by way of another,
 * and https goes by HTTPS_PROXY alone, as with curl and Go's programs.
 * @throws ERR_PODRUN_REGISTRY_UNAVAILABLE for a value that is no URL
 */
export function proxyFor(url: URL, env: Environment = process.env): ProxySettings | undefined {
  if (isLoopbackHost(url.hostname)) return undefined;
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = variable(env, name);
  if (value === undefined) return undefined;
  const noProxy = variable(env, 'NO_PROXY') ?? '';
  const entries = noProxy.split(/[,\s]+/).filter((entry) => entry !== '');
  const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (entries.some((entry) => entry === '*' || entry === address || inNetwork(address, entry))) return undefined;
  const proxy = checked(name, value);
  return { httpProxy: proxy, httpsProxy: proxy, noProxy };
}

/** host:port of a proxy, for messages. */
export function proxyName({ httpsProxy }: ProxySettings): string {
  return new URL(httpsProxy).host;
}
