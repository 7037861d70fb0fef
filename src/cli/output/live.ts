import type { OutputStream } from '../command.js';
import type { Region } from './writer.js';

const frameMs = 100;

/**
 * A few lines at the bottom of a terminal that are drawn again as things change. Whatever else goes to the terminal is
 * put above them: callers write through `Writer` with this as its region, or through `line()`.
 */
export class Live implements Region {
  private lines: readonly string[] = [];
  private drawn = 0;
  private timer: NodeJS.Timeout | undefined;
  private lineEnded = true;

  /** @param stream  a terminal */
  constructor(
    private readonly stream: OutputStream,
    private readonly render: () => readonly string[],
  ) {}

  /** Something has changed: draws at most ten times a second. */
  update(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, frameMs).unref();
  }

  /** Writes a line that stays. */
  line(text: string): void {
    this.hide();
    this.stream.write(`${this.lineEnded ? '' : '\n'}${text}\n`);
    this.show(true);
  }

  hide(): void {
    if (this.drawn > 0) this.stream.write(`\u001b[${this.drawn}A\u001b[J`);
    this.drawn = 0;
  }

  show(lineEnded: boolean): void {
    this.lineEnded = lineEnded;
    if (this.lines.length > 0) this.update();
  }

  /** Removes the lines for good. */
  end(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = undefined;
    this.hide();
    this.lines = [];
  }

  private draw(): void {
    this.lines = this.render();
    // In the middle of a line of somebody else's there is no place for ours.
    if (!this.lineEnded) return;
    this.hide();
    if (this.lines.length === 0) return;
    const columns = this.stream.columns || 80;
    const rows = Math.max(1, (this.stream.rows || 24) - 1);
    const shown = this.lines
      .slice(0, rows)
      .map((line) => (line.length < columns ? line : `${line.slice(0, columns - 2)}…`));
    this.stream.write(`${shown.join('\n')}\n`);
    this.drawn = shown.length;
  }
}
