import { printable } from './printable.js';

/** Upper-case headers, two spaces between columns, no borders, `<none>` for what is empty. */
export function table(headers: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (cell === undefined || cell === '' ? '<none>' : printable(cell))));
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [headers, ...cells].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
