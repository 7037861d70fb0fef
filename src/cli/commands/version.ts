import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../paths.js';
import type { CommandAction } from '../command.js';
import { json } from '../output/json.js';

export const action: CommandAction = async (args, context) => {
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const platform = `${process.platform}-${process.arch}`;
  context.process.stdout.write(
    args.string('output') === 'json'
      ? json({ podrun: version, node: process.versions.node, platform, kernel: release() })
      : `podrun ${version} (Node.js ${process.versions.node}, ${platform}, kernel ${release()})\n`,
  );
  return 0;
};
