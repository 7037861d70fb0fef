import type { OutputStream, ProcessLike } from '../command.js';

const codes = { bold: 1, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, grey: 90 } as const;

export type Colour = keyof typeof codes;
export type Paint = (colour: Colour, text: string) => string;

/**
 * Colours for one stream: on for a terminal, unless NO_COLOR is set and not empty, TERM is "dumb" or --no-color was given;
 * FORCE_COLOR turns them on for pipes too (no-color.org, force-color.org).
 */
export function painter(stream: OutputStream, env: ProcessLike['env'], noColour: boolean): Paint {
  const refused = noColour || Boolean(env['NO_COLOR']);
  const forced = Boolean(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  const able = stream.isTTY === true && env['TERM'] !== 'dumb';
  if (refused || !(forced || able)) return (_, text) => text;
  return (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m`;
}
