import { median, quantile, ratio } from './measure.mjs';

/**
 * One line for each subject: median, spread, and the ratio to the first one, which is what the others are compared with.
 * @param {Map<string, number[]>} samples
 */
export function printSamples(title, samples, { unit = 'ms', base } = {}) {
  const names = [...samples.keys()];
  const baseName = base ?? names[0];
  const rows = names.map((name) => {
    const values = samples.get(name);
    return [
      name,
      number(median(values)),
      number(Math.min(...values)),
      number(quantile(values, 0.9)),
      name === baseName ? '1' : number(ratio(values, samples.get(baseName))),
      String(values.length),
    ];
  });
  printRows(title, ['', `median ${unit}`, 'least', '90 %', `x ${baseName}`, 'runs'], rows);
}

export function printRows(title, header, rows) {
  const widths = header.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])))
      .join('  ')
      .trimEnd();
  console.log(`\n${title}\n${[header, ...rows].map((row) => `  ${line(row)}`).join('\n')}`);
}

/** @param {{text: string, value: number, limit: number}} target */
export function printTarget({ text, value, limit }) {
  console.log(`  ${value <= limit ? 'met' : 'NOT MET'}: ${text}: ${number(value)}, wanted at most ${number(limit)}`);
}

export function number(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
