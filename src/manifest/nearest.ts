/** The name among `known` that `name` is most likely a misspelling of, or undefined when none is close. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  // A third of the name may be wrong: "comand" and "imagePulPolcy" find theirs, "foo" finds nothing.
  let best = Math.floor(Math.max(name.length, 3) / 3) + 1;
  let found: string | undefined;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    const distance = lower === wanted.replace(/[-_]/g, '') ? 0 : editDistance(wanted, lower, best);
    if (distance < best) [best, found] = [distance, candidate];
  }
  return found;
}

/** Edits to get from a to b: insert, delete, replace, swap of neighbours (optimal string alignment); at least `limit` when more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, before[column - 2]! + 1);
      current.push(cost);
    }
    [before, previous] = [previous, current];
  }
  return previous[b.length]!;
}
