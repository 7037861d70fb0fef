import type { PodHandle, PodrunOptions } from '../podrun/api.js';
import type { Arguments } from './arguments.js';
import type { OutputStream } from './command.js';
import type { ShownPod } from './output/pod-row.js';
import { printable } from './output/printable.js';

/** Where things are, from the global flags. */
export function openOptions(args: Arguments): PodrunOptions {
  const [root, state, logs] = [args.string('root'), args.string('state'), args.string('logs')];
  return { ...(root ? { root } : {}), ...(state ? { state } : {}), ...(logs ? { logs } : {}) };
}

export function namespaceOption(args: Arguments): { readonly namespace?: string } {
  const namespace = args.string('namespace');
  return namespace ? { namespace } : {};
}

/** A handle's Pod object, of which podrun itself is the author. */
export function shownPod(handle: PodHandle): ShownPod {
  return handle.toJSON() as ShownPod;
}

/** Containers, then init containers, as kubectl counts them up. */
export function containerNames(handle: PodHandle): readonly string[] {
  const { containers, initContainers = [] } = shownPod(handle).spec;
  return [...containers, ...initContainers].map(({ name }) => name);
}

/** The container that -c names, else the Pod's first one; says which when there is a choice, as kubectl does. */
export function chooseContainer(handle: PodHandle, args: Arguments, stderr: () => OutputStream): string {
  const asked = args.string('container');
  if (asked !== undefined) return asked;
  const names = containerNames(handle);
  const first = names[0] ?? '';
  if (names.length > 1)
    stderr().write(printable(`podrun: container "${first}" of: ${names.join(', ')} (-c chooses another)\n`));
  return first;
}
