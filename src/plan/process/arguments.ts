import { PodrunError } from '../../errors.js';
import type { ImageConfig } from '../../images/image.js';
import type { Container } from '../../manifest/pod.js';
import { expandReferences } from './expand.js';

/**
 * The argument vector of a container: `command` stands for the image's ENTRYPOINT and drops its CMD, `args` stands for
 * CMD alone; an empty list is as none. References are replaced in what the manifest says, never in what the image says.
 * @param variables  the variables of the container's `env`, the only ones that Kubernetes replaces
 * @throws ERR_PODRUN_NO_COMMAND when neither manifest nor image names a program
 * @see k8s.io/api core/v1 Container.command, Container.args
 */
export function processArguments(
  container: Container,
  image: ImageConfig,
  variables: ReadonlyMap<string, string>,
): readonly string[] {
  const expand = (list: readonly string[]) => list.map((text) => expandReferences(text, (name) => variables.get(name)));
  const command = container.command ?? [];
  const args = container.args ?? [];
  if (command.length > 0) return [...expand(command), ...expand(args)];

  const entrypoint = image.entrypoint ?? [];
  // Docker writes an ENTRYPOINT that was reset as [""].
  const program = entrypoint.length === 1 && entrypoint[0] === '' ? [] : entrypoint;
  const vector = [...program, ...(args.length > 0 ? expand(args) : (image.cmd ?? []))];
  if (vector.length === 0) {
    throw new PodrunError(
      'ERR_PODRUN_NO_COMMAND',
      `container "${container.name}" has no command: image ${container.image} has neither ENTRYPOINT nor CMD`,
      { container: container.name, image: container.image, hint: 'give the container a command in the manifest' },
    );
  }
  return vector;
}
