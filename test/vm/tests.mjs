/**
 * The tests that run on cgroup v2 as well, in the emulated machine: those whose outcome depends on the hierarchy, and the examples
 * from end to end. It is five to ten times slower there, so not all of them.
 */
export const machineTests = [
  'test/vm/unified.test.ts',
  'test/root/addon-cgroup.test.ts',
  'test/root/limits.test.ts',
  'test/root/pods.test.ts',
  'test/root/sandbox-start.test.ts',
  'test/root/sandbox-end.test.ts',
  'test/root/leftovers.test.ts',
  'test/root/examples.test.ts',
];
