'use strict';
// Loads the command line with the code that V8 made of it at build time, where that is of this V8: 18 ms less than compiling.
// Node.js's own module.enableCompileCache() would keep such code below /tmp, where others could put theirs for root to run.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

// What require('node:module') gives, which would take 1 ms to load.
const { createRequire, wrap } = module.constructor;
const bundle = 'BUNDLE';
const filename = join(__dirname, `${bundle}.cjs`);

function cache() {
  try {
    return readFileSync(join(__dirname, `${bundle}-${process.version}-${process.arch}.cache`));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const cachedData = cache();
if (cachedData) {
  // V8 looks whether the code is of its own version and flags, and compiles if it is not.
  const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename, cachedData });
  script.runInThisContext()(exports, createRequire(filename), module, filename, __dirname);
} else {
  module.exports = require(filename);
}
