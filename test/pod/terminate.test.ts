import { test } from 'tap';
import type { Clock } from '../../src/clock.js';
import type { ContainerRunner } from '../../src/pod/container-runner.js';
import { Termination } from '../../src/pod/terminate.js';

/** A clock that moves only when told to. */
class ManualClock implements Clock {
  ms = 0;
  #sleepers: { at: number; wake: () => void }[] = [];
  monotonicMs = () => this.ms;
  now = () => new Date(this.ms);
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ at: this.ms + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }
  async advance(ms: number): Promise<void> {
    this.ms += ms;
    for (const sleeper of this.#sleepers) if (sleeper.at <= this.ms) sleeper.wake();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
}

function fakeRunner(onSignal: (kill: boolean) => void): ContainerRunner {
  return { isRunning: true, signal: async (kill: boolean) => onSignal(kill) } as unknown as ContainerRunner;
}

function setting() {
  const clock = new ManualClock();
  const sent: string[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const runner = fakeRunner((kill) => {
    sent.push(kill ? 'KILL' : 'TERM');
    if (kill) end();
  });
  return { clock, sent, end, ended, runner, termination: new Termination(clock) };
}

test('the stop signal comes at once, SIGKILL when the grace period is over', async (t) => {
  const { clock, sent, ended, runner, termination } = setting();
  t.equal(termination.request(30_000), true);
  const stopping = termination.stop([runner], ended);
  await clock.advance(29_999);
  t.same(sent, ['TERM']);
  await clock.advance(1);
  t.same(sent, ['TERM', 'KILL']);
  await stopping;
});

test('a container that ends in time is not killed', async (t) => {
  const { clock, sent, end, ended, runner, termination } = setting();
  termination.request(30_000);
  const stopping = termination.stop([runner], ended);
  await clock.advance(5);
  end();
  await stopping;
  t.same(sent, ['TERM']);
});

test('asking again shortens the grace period', async (t) => {
  const { clock, sent, ended, runner, termination } = setting();
  termination.request(30_000);
  const stopping = termination.stop([runner], ended);
  await clock.advance(1_000);
  t.equal(termination.request(2_000), false);
  await clock.advance(1_999);
  t.same(sent, ['TERM']);
  await clock.advance(1);
  await stopping;
  t.same(sent, ['TERM', 'KILL']);
});

test('asking again does not lengthen it', async (t) => {
  const { clock, sent, ended, runner, termination } = setting();
  termination.request(3_000);
  const stopping = termination.stop([runner], ended);
  await clock.advance(1_000);
  t.equal(termination.request(30_000), false);
  await clock.advance(2_000);
  await stopping;
  t.same(sent, ['TERM', 'KILL']);
});

test('without a grace period there is only SIGKILL', async (t) => {
  const { clock, sent, ended, runner, termination } = setting();
  termination.request(0);
  const stopping = termination.stop([runner], ended);
  await clock.advance(0);
  await stopping;
  t.same(sent, ['KILL']);
});
