import { constants } from 'node:os';
import t from 'tap';
import { stopSignalNumber } from '../../src/plan/signal.js';

t.test('nothing means SIGTERM', async (t) => {
  t.equal(stopSignalNumber(undefined), 15);
  t.equal(stopSignalNumber(''), 15);
});

t.test('names with and without SIG, in any case, and numbers', async (t) => {
  for (const text of ['SIGQUIT', 'QUIT', 'sigquit', 'Quit', '3', '03']) t.equal(stopSignalNumber(text), 3, text);
  t.equal(stopSignalNumber('SIGWINCH'), 28);
  t.equal(stopSignalNumber('64'), 64);
});

t.test('every name that this machine has means what it means here', async (t) => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name === 'SIGUNUSED') continue;
    t.equal(stopSignalNumber(name), number, name);
  }
});

t.test('real-time signals count from 34 to 64', async (t) => {
  t.equal(stopSignalNumber('SIGRTMIN'), 34);
  t.equal(stopSignalNumber('SIGRTMIN+3'), 37);
  t.equal(stopSignalNumber('RTMAX'), 64);
  t.equal(stopSignalNumber('RTMAX-14'), 50);
  t.equal(stopSignalNumber('RTMIN+30'), 64);
});

t.test('what is no signal is refused, with the text', async (t) => {
  for (const text of [
    '0',
    '65',
    '-1',
    '100',
    'SIGFOO',
    'SIG',
    'TERM ',
    'RTMIN+31',
    'RTMIN-1',
    'RTMAX+1',
    'RTMAX-31',
    'toString',
  ]) {
    t.throws(() => stopSignalNumber(text), { code: 'ERR_PODRUN_IMAGE_CONFIG', message: `"${text}"` }, text);
  }
});
