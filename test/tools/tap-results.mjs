import { Parser } from 'tap-parser';

/**
 * One test: a subtest without subtests in it, an assertion beside them, or a file that has none.
 * @typedef {{ name: string, result: 'passed' | 'failed' | 'skipped', reason?: string }} Test
 */

/** `ok 1 - title # SKIP reason` has the reason in the directive, `t.skip("reason")` in the title. */
function directive(assert) {
  if (assert.skip) return typeof assert.skip === 'string' ? assert.skip : assert.name;
  if (assert.todo) return `to do: ${typeof assert.todo === 'string' ? assert.todo : assert.name}`;
  return undefined;
}

/** A file or a subtest, while its lines come in. */
class Level {
  #path;
  #tests;
  /** The subtest whose closing line is to come next. */
  #open;
  #hasSubtests = false;
  #asserts = [];

  constructor(parser, title, path, tests) {
    this.title = title;
    this.#path = path;
    this.#tests = tests;
    parser.on('child', (child) => {
      this.#hasSubtests = true;
      this.#open = new Level(child, child.name, [...path, child.name], tests);
    });
    parser.on('assert', (assert) => this.#assert(assert));
  }

  #assert(assert) {
    const subtest = this.#open;
    if (subtest?.title === assert.name) {
      this.#open = undefined;
      subtest.#close(assert.ok, directive(assert));
    } else {
      this.#asserts.push({ name: [...this.#path, assert.name].join(' > '), ok: assert.ok, reason: directive(assert) });
    }
  }

  #close(ok, reason) {
    const name = this.#path.join(' > ');
    const skips = this.#asserts.filter((assert) => assert.reason !== undefined);
    const allSkipped = !this.#hasSubtests && skips.length > 0 && skips.length === this.#asserts.length;
    if (reason !== undefined) this.#tests.push({ name, result: 'skipped', reason });
    else if (allSkipped && ok) this.#tests.push({ name, result: 'skipped', reason: skips[0].reason });
    else if (!this.#hasSubtests) this.#tests.push({ name, result: ok ? 'passed' : 'failed' });
    else this.#closeGroup(ok, name, skips);
  }

  /** Of a subtest with subtests in it, only what is not well counts in addition to those. */
  #closeGroup(ok, name, skips) {
    for (const skip of skips) this.#tests.push({ name: skip.name, result: 'skipped', reason: skip.reason });
    const failures = this.#asserts.filter((assert) => !assert.ok && assert.reason === undefined);
    for (const failure of failures) this.#tests.push({ name: failure.name, result: 'failed' });
    const known = this.#tests.some((test) => test.result === 'failed' && test.name.startsWith(`${name} > `));
    if (!ok && !known) this.#tests.push({ name, result: 'failed' });
  }

  /** Assertions of a file outside any subtest are a test each. */
  end() {
    for (const { name, ok, reason } of this.#asserts) {
      this.#tests.push(
        reason === undefined ? { name, result: ok ? 'passed' : 'failed' } : { name, result: 'skipped', reason },
      );
    }
  }
}

/**
 * Counts the tests of one TAP stream.
 * @param {NodeJS.ReadableStream} stream
 * @returns {Promise<{ tests: Test[], ok: boolean }>}
 */
export function tapResults(stream) {
  return new Promise((resolve, reject) => {
    const tests = [];
    const parser = new Parser();
    const top = new Level(parser, '', [], tests);
    parser.on('complete', (results) => {
      top.end();
      if (results.plan.skipAll && tests.length === 0)
        tests.push({ name: '', result: 'skipped', reason: results.plan.skipReason || 'no reason given' });
      resolve({ tests, ok: results.ok });
    });
    stream.on('error', reject);
    stream.pipe(parser);
  });
}
