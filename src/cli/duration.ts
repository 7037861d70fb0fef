const units = { d: 86_400, h: 3_600, m: 60, s: 1, ms: 0.001, us: 1e-6, ns: 1e-9 } as const;

/** Seconds of a duration in Go's form ("90s", "1h30m", "1.5h"; days too), or undefined. */
export function parseDuration(text: string): number | undefined {
  const part = /(\d+(?:\.\d+)?|\.\d+)(ms|us|ns|d|h|m|s)/gy;
  let seconds = 0;
  let end = 0;
  for (const match of text.matchAll(part)) {
    seconds += Number(match[1]) * units[match[2] as keyof typeof units];
    end = match.index + match[0].length;
  }
  return text !== '' && end === text.length ? seconds : undefined;
}

/** The units of each range: up to this age, that unit, and the next smaller one if not zero. */
const ranges: readonly (readonly [
  belowSeconds: number,
  unit: number,
  name: string,
  minor?: number,
  minorName?: string,
])[] = [
  [120, 1, 's'],
  [600, 60, 'm', 1, 's'],
  [3 * 3_600, 60, 'm'],
  [8 * 3_600, 3_600, 'h', 60, 'm'],
  [48 * 3_600, 3_600, 'h'],
  [8 * 86_400, 86_400, 'd', 3_600, 'h'],
  [730 * 86_400, 86_400, 'd'],
  [2_920 * 86_400, 365 * 86_400, 'y', 86_400, 'd'],
];

/** An age as kubectl shows it: 45s, 5m12s, 17m, 3h5m, 2d4h, 3y40d. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const range = ranges.find(([below]) => seconds < below);
  if (!range) return `${Math.floor(seconds / (365 * 86_400))}y`;
  const [, unit, name, minor, minorName] = range;
  const rest = minor === undefined ? 0 : Math.floor((seconds % unit) / minor);
  return `${Math.floor(seconds / unit)}${name}${rest > 0 ? `${rest}${minorName}` : ''}`;
}
