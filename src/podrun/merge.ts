/** Items of several sources as they come; ends when all have ended, and ends them all when the consumer leaves. */
export async function* merge<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const pending = new Map<AsyncGenerator<T>, Promise<{ source: AsyncGenerator<T>; result: IteratorResult<T> }>>();
  const advance = (source: AsyncGenerator<T>) => {
    pending.set(
      source,
      source.next().then((result) => ({ source, result })),
    );
  };
  for (const source of sources) advance(source);
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(source);
      else {
        yield result.value;
        advance(source);
      }
    }
  } finally {
    // A source that waits can't be returned from outside; each ends by the signal it was given.
    for (const source of pending.keys()) source.return(undefined).catch(() => {});
  }
}
