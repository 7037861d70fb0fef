import { systemClock } from '../../clock.js';
import type { PullEvent } from '../../images/image.js';
import { printable } from './printable.js';

type LayerEvent = Extract<PullEvent, { type: 'layer' }>;

interface Layer {
  readonly event: LayerEvent;
  /** When its first byte was on the way, for the rate. */
  readonly sinceMs: number;
}

interface Pull {
  readonly layers: Map<string, Layer>;
  readonly sinceMs: number;
  announced: boolean;
}

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 12.3 MiB */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${sizes[power]}`;
}

/** What goes on while images are pulled: lines that stay, and lines for the moment. */
export class Progress {
  private readonly pulls = new Map<string, Pull>();

  constructor(private readonly nowMs: () => number = systemClock.monotonicMs) {}

  /** @returns a line that should stay, if this event is worth one */
  handle(event: PullEvent): string | undefined {
    const reference = printable(event.reference);
    const pull: Pull = this.pulls.get(event.reference) ?? {
      layers: new Map(),
      sinceMs: this.nowMs(),
      announced: false,
    };
    if (event.type === 'done') {
      this.pulls.delete(event.reference);
      return event.cached ? undefined : this.summary(reference, event.manifestDigest, pull);
    }
    this.pulls.set(event.reference, pull);
    if (event.type === 'resolving') return undefined;
    const before = pull.layers.get(event.digest);
    pull.layers.set(event.digest, {
      event,
      sinceMs: before?.event.phase === 'downloading' ? before.sinceMs : this.nowMs(),
    });
    if (pull.announced || event.phase === 'cached' || event.phase === 'waiting') return undefined;
    pull.announced = true;
    return `pulling ${reference}`;
  }

  /** One line a layer that is on its way. */
  lines(): readonly string[] {
    return [...this.pulls.values()].flatMap(({ layers }) =>
      [...layers.values()].filter(({ event }) => event.phase !== 'cached').map((layer) => this.line(layer)),
    );
  }

  private line({ event, sinceMs }: Layer): string {
    const { phase, bytes, totalBytes } = event;
    const id = event.digest.replace(/^[a-z0-9]+:/, '').slice(0, 12);
    const done = phase === 'done' || phase === 'unpacking' ? totalBytes : bytes;
    const seconds = (this.nowMs() - sinceMs) / 1000;
    const rate = phase === 'downloading' && seconds > 0.2 ? `  ${formatBytes(Math.round(bytes / seconds))}/s` : '';
    return printable(
      `  ${id}  ${phase.padEnd(11)}  ${formatBytes(done).padStart(10)} / ${formatBytes(totalBytes)}${rate}`,
    );
  }

  private summary(reference: string, digest: string, pull: Pull): string {
    const fetched = [...pull.layers.values()].filter(({ event }) => event.phase !== 'cached');
    const bytes = fetched.reduce((sum, { event }) => sum + event.totalBytes, 0);
    const seconds = ((this.nowMs() - pull.sinceMs) / 1000).toFixed(1);
    return `pulled ${reference} (${digest.slice(0, 19)}, ${formatBytes(bytes)} in ${seconds} s)`;
  }
}
