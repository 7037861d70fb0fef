/** JSON for people and programs: two spaces, a newline at the end, as kubectl prints it. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
