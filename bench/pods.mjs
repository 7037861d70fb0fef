import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const image = 'podrun.local/starter:latest';

/** Limits as in the figures of the floor: both controllers are needed, none is reached. */
const limits = { cpu: '500m', memory: '200Mi' };

/** A Pod of one container, as an object of the API. */
export function pod(name, command, { limited = false } = {}) {
  const resources = limited ? { resources: { limits } } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      dnsPolicy: 'Default',
      containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent', command, ...resources }],
    },
  };
}

export function sleeping(name) {
  return pod(name, ['sleep', '100000']);
}

/** Both podrun and podman read JSON, but what people have is YAML. */
export function writeYaml(directory, { metadata: { name }, spec }) {
  const [{ command }] = spec.containers;
  const file = join(directory, `${name}.yaml`);
  const text = `apiVersion: v1
kind: Pod
metadata:
  name: ${JSON.stringify(name)}
spec:
  restartPolicy: Never
  dnsPolicy: Default
  containers:
    - name: main
      image: ${image}
      imagePullPolicy: IfNotPresent
      command: ${JSON.stringify(command)}
`;
  writeFileSync(file, text);
  return file;
}
