import type { CommandSpec, FlagSpec } from './command.js';
import { commands, globalFlags } from './table.js';

const width = 100;

function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const left = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(left)}  ${text}`).join('\n');
}

function flagRow(flag: FlagSpec): readonly [string, string] {
  const short = flag.short ? `-${flag.short}, ` : '    ';
  const value = flag.value ? ` ${flag.value}` : '';
  return [`${short}--${flag.name}${value}`, flag.env ? `${flag.help} [$${flag.env}]` : flag.help];
}

function examples(spec: CommandSpec): string {
  return spec.examples.map(([command, meaning]) => `  # ${meaning}\n  ${command}`).join('\n');
}

export function commandHelp(spec: CommandSpec): string {
  const parts = [`podrun ${spec.name}: ${spec.summary}`];
  if (spec.examples.length > 0) parts.push(`Examples:\n${examples(spec)}`);
  parts.push(`Usage:\n  podrun ${spec.name} ${spec.usage}`);
  for (const paragraph of spec.description ?? []) parts.push(wrap(paragraph, ''));
  if (spec.flags.length > 0) parts.push(`Flags:\n${columns(spec.flags.map(flagRow))}`);
  parts.push(`Flags of every command:\n${columns(globalFlags.map(flagRow))}`);
  return `${parts.join('\n\n')}\n`;
}

export function generalHelp(): string {
  return [
    'podrun runs Kubernetes Pods on this machine, without a cluster and without a daemon.',
    'Examples:\n  sudo podrun run pod.yaml\n  sudo podrun ps\n  sudo podrun exec -it web -- sh',
    `Commands:\n${columns(commands.map((spec) => [spec.name, spec.summary]))}`,
    `Flags of every command:\n${columns(globalFlags.map(flagRow))}`,
    '`podrun help COMMAND` explains one command.\n',
  ].join('\n\n');
}
