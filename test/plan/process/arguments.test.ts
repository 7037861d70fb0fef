import t from 'tap';
import { processArguments } from '../../../src/plan/process/arguments.js';
import { container, image } from '../fixture.js';

const entryAndCmd = image({ entrypoint: ['/ep-1'], cmd: ['foo', 'bar'] });
const none = new Map<string, string>();

t.test('command and args against ENTRYPOINT and CMD: the four combinations of the documentation', async (t) => {
  const vector = (fields: { command?: string[]; args?: string[] }) =>
    processArguments(container(fields), entryAndCmd, none);
  t.strictSame(vector({}), ['/ep-1', 'foo', 'bar']);
  t.strictSame(vector({ command: ['/ep-2'] }), ['/ep-2']);
  t.strictSame(vector({ args: ['zoo', 'boo'] }), ['/ep-1', 'zoo', 'boo']);
  t.strictSame(vector({ command: ['/ep-2'], args: ['zoo', 'boo'] }), ['/ep-2', 'zoo', 'boo']);
  t.strictSame(vector({ command: [], args: [] }), ['/ep-1', 'foo', 'bar'], 'an empty list is as none');
});

t.test('an image with only one of ENTRYPOINT and CMD', async (t) => {
  t.strictSame(processArguments(container(), image({ cmd: ['sh', '-c', 'x'] }), none), ['sh', '-c', 'x']);
  t.strictSame(processArguments(container({ args: ['y'] }), image({ cmd: ['sh'] }), none), ['y']);
  t.strictSame(processArguments(container({ args: ['y'] }), { env: [], entrypoint: ['/e'] }, none), ['/e', 'y']);
  t.strictSame(
    processArguments(container(), image({ entrypoint: [''], cmd: ['sh'] }), none),
    ['sh'],
    'a reset ENTRYPOINT',
  );
});

t.test('references are replaced in command and args of the manifest alone', async (t) => {
  const variables = new Map([['MESSAGE', 'hello world']]);
  const fields = container({ command: ['/bin/echo', '$$(MESSAGE)'], args: ['$(MESSAGE)', '$(MISSING)'] });
  t.strictSame(processArguments(fields, entryAndCmd, variables), [
    '/bin/echo',
    '$(MESSAGE)',
    'hello world',
    '$(MISSING)',
  ]);
  t.strictSame(processArguments(container(), image({ cmd: ['$(MESSAGE)'] }), variables), ['$(MESSAGE)']);
});

t.test('no command anywhere is an error that names the image', async (t) => {
  t.throws(() => processArguments(container(), { env: [] }, none), {
    code: 'ERR_PODRUN_NO_COMMAND',
    container: 'web',
    message: /web.*busybox:1\.28 has neither ENTRYPOINT nor CMD/,
  });
});

t.test('an empty program name is passed on: the start has to fail, not the plan', async (t) => {
  t.strictSame(processArguments(container({ command: [''] }), entryAndCmd, none), ['']);
});
