import { text } from 'node:stream/consumers';
import { saveLogin, writtenFile } from '../../images/credentials/save.js';
import { verifyLogin } from '../../images/credentials/verify.js';
import { type Arguments, usageError } from '../arguments.js';
import type { CommandAction, Context } from '../command.js';
import { ask } from '../input/ask.js';
import { registryName } from '../input/registry-name.js';

interface Login {
  readonly username: string;
  readonly password: string;
}

/** One line of standard input, without its end; a password may have spaces at its own ends. */
async function passwordFromInput(context: Context): Promise<string> {
  const password = (await text(context.process.stdin)).replace(/\r?\n$/, '');
  if (password.includes('\n')) throw usageError('login', 'standard input has more than one line');
  return password;
}

async function readLogin(args: Arguments, context: Context): Promise<Login> {
  const { stdin } = context.process;
  const fromInput = args.boolean('password-stdin');
  const asking = !fromInput && stdin.isTTY;
  const given = args.string('username');
  if (!fromInput && !asking) throw usageError('login', 'there is no terminal to ask on: use --password-stdin');
  if (given === undefined && !asking) throw usageError('login', 'flag --password-stdin needs --username');
  const username = given ?? (await ask('Username: ', true, stdin, context.process.stderr));
  const password = fromInput
    ? await passwordFromInput(context)
    : await ask('Password: ', false, stdin, context.process.stderr);
  if (username === '' || password === '') throw usageError('login', 'user name and password must not be empty');
  if (username.includes(':')) throw usageError('login', 'a user name must not have a colon');
  return { username, password };
}

export const action: CommandAction = async (args, context) => {
  const { registry, key } = registryName('login', args);
  const login = await readLogin(args, context);
  await verifyLogin(registry, login, { registriesConf: args.string('registries-conf') });
  const keptIn = await saveLogin(writtenFile(args.string('authfile')), key, login);
  context.process.stdout.write(`logged in to ${key}, kept in ${keptIn}\n`);
  return 0;
};
