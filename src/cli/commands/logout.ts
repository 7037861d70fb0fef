import { existsSync } from 'node:fs';
import { PodrunError } from '../../errors.js';
import { credentialsFrom } from '../../images/credentials/lookup.js';
import { removeAllLogins, removeLogin, writtenFile } from '../../images/credentials/save.js';
import { usageError } from '../arguments.js';
import type { CommandAction } from '../command.js';
import { registryName } from '../input/registry-name.js';

export const action: CommandAction = async (args, context) => {
  const authFile = args.string('authfile');
  const file = writtenFile(authFile);
  if (args.boolean('all')) {
    if (args.positionals.length > 0) throw usageError('logout', 'flag --all and a registry exclude each other');
    const count = await removeAllLogins(file);
    context.process.stdout.write(`removed ${count} ${count === 1 ? 'login' : 'logins'} from ${file}\n`);
    return 0;
  }
  const { registry, key } = registryName('logout', args);
  const asked = [registry, key.slice(registry.length + 1)] as const;
  const removed = await removeLogin(file, key);
  if (removed) context.process.stdout.write(`logged out of ${key}\n`);
  // Another file, another tool's: its login still counts, which somebody who logs out wants to know.
  const left = existsSync(file) || !authFile ? await credentialsFrom({ authFile })(...asked) : undefined;
  if (left) context.process.stderr.write(`podrun: ${left.origin} still has a login for ${registry}\n`);
  if (removed || left) return 0;
  throw new PodrunError('ERR_PODRUN_REGISTRY_AUTH', `not logged in to ${key}: ${file} has no such login`);
};
