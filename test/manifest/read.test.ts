import t from 'tap';
import type { Job, Pod } from '../../src/manifest/pod.js';
import { readManifest } from '../../src/manifest/read.js';

const read = (text: string) => readManifest({ text, name: 'pod.yaml' });
const readPod = (text: string) => read(text).workloads[0] as Pod;

const everything = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  labels: {app: web, tier: ""}
  annotations:
    example.com/note: hello
  ownerReferences:
  - {apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: abc, controller: true}
  creationTimestamp: null
  uid: from-a-server
  resourceVersion: "12"
  managedFields: [{anything: true}]
status: {phase: Running, anything: [1]}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 5
  hostname: shop
  dnsPolicy: Default
  hostNetwork: false
  securityContext: {}
  os: {name: linux}
  enableServiceLinks: false
  automountServiceAccountToken: false
  imagePullSecrets: []
  volumes:
  - name: scratch
    emptyDir: {medium: ""}
  - name: more
  initContainers:
  - name: first
    image: busybox
    command: [sh, -c, "echo yes"]
  containers:
  - name: web
    image: nginx:1.27
    args: [-g, "daemon off;"]
    workingDir: /srv
    env:
    - {name: MODE, value: fast}
    - name: EMPTY
    ports:
    - {name: http, containerPort: 80}
    - {containerPort: 53, protocol: UDP, hostPort: 0}
    resources:
      limits: {cpu: 1.5, memory: 1.5Gi}
      requests: {memory: 100M}
    volumeMounts:
    - {name: scratch, mountPath: /tmp, readOnly: true}
    terminationMessagePath: /dev/termination-log
    terminationMessagePolicy: File
    stdin: false
    tty: false
    securityContext: {privileged: false, capabilities: {add: [], drop: []}, seccompProfile: {type: RuntimeDefault}}
`;

t.test('a Pod comes back typed, with defaults, and without what only a server sets', async (t) => {
  const { workloads, notices } = read(everything);
  t.strictSame(notices, []);
  t.strictSame(JSON.parse(JSON.stringify(workloads)), [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'web',
        namespace: 'shop',
        labels: { app: 'web', tier: '' },
        annotations: { 'example.com/note': 'hello' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'abc', controller: true }],
      },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'nginx:1.27',
            imagePullPolicy: 'IfNotPresent',
            args: ['-g', 'daemon off;'],
            workingDir: '/srv',
            env: [
              { name: 'MODE', value: 'fast' },
              { name: 'EMPTY', value: '' },
            ],
            ports: [
              { name: 'http', containerPort: 80, protocol: 'TCP' },
              { containerPort: 53, protocol: 'UDP' },
            ],
            resources: {
              limits: { cpu: '1500m', memory: '1536Mi' },
              requests: { cpu: '1500m', memory: '100M' },
            },
            volumeMounts: [{ name: 'scratch', mountPath: '/tmp', readOnly: true }],
          },
        ],
        initContainers: [
          {
            name: 'first',
            image: 'busybox',
            imagePullPolicy: 'Always',
            command: ['sh', '-c', 'echo yes'],
            resources: {},
          },
        ],
        volumes: [
          { name: 'scratch', emptyDir: {} },
          { name: 'more', emptyDir: {} },
        ],
        restartPolicy: 'OnFailure',
        terminationGracePeriodSeconds: 5,
        hostname: 'shop',
        dnsPolicy: 'Default',
      },
    },
  ]);
});

t.test('the same text as JSON and as an object gives the same Pod', async (t) => {
  const { workloads } = read(everything);
  const given = JSON.parse(JSON.stringify(workloads[0])) as object;
  t.same(read(JSON.stringify(given)).workloads, workloads);
  t.same(readManifest({ object: given }).workloads, workloads);
  t.same(read(JSON.stringify(given, undefined, 1).replaceAll('"name"', 'name')).workloads, workloads, 'flow style');
});

const minimal = (container: string, spec = '') => `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: c
    image: i
${container.replace(/^(?=.)/gm, '    ')}
${spec.replace(/^(?=.)/gm, '  ')}
`;

t.test('what is left out gets the default of the API', async (t) => {
  const pod = readPod(minimal(''));
  t.same(pod.metadata, { name: 'a', namespace: 'default' });
  t.same(pod.spec, {
    containers: [{ name: 'c', image: 'i', imagePullPolicy: 'Always', resources: {} }],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
  });
});

t.test('null and the empty string are the same as nothing', async (t) => {
  const text = minimal(
    'command: null\nargs:\nworkingDir: ""\nresources: {limits: null}\nenv: []',
    'hostname: ""\nrestartPolicy: ""',
  );
  const pod = readPod(text);
  t.equal(pod.spec.restartPolicy, 'Always');
  t.notOk('hostname' in pod.spec);
  t.notOk('command' in pod.spec.containers[0]!);
  t.notOk('workingDir' in pod.spec.containers[0]!);
  t.same(pod.spec.containers[0]!.resources, {});
  t.same(readPod(minimal('args: [a, ~]')).spec.containers[0]!.args, ['a', '']);
});

t.test('the tag decides when an image is pulled', async (t) => {
  const policy = (image: string) =>
    readPod(minimal('').replace('image: i', `image: "${image}"`)).spec.containers[0]!.imagePullPolicy;
  const digest = `@sha256:${'0'.repeat(64)}`;
  for (const image of ['nginx', 'nginx:latest', 'localhost:5000/nginx', 'r.io/a/b:latest', '[::1]:5000/a'])
    t.equal(policy(image), 'Always', image);
  for (const image of ['nginx:1', 'localhost:5000/nginx:1', `nginx${digest}`, `nginx:latest${digest}`])
    t.equal(policy(image), 'IfNotPresent', image);
  t.equal(readPod(minimal('imagePullPolicy: Never')).spec.containers[0]!.imagePullPolicy, 'Never');
});

t.test('a limit is the request of a resource that has none', async (t) => {
  const resources = (text: string) => readPod(minimal(`resources: ${text}`)).spec.containers[0]!.resources;
  t.same(resources('{limits: {cpu: 1}}'), { limits: { cpu: '1' }, requests: { cpu: '1' } });
  t.same(resources('{limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 0.5}}'), {
    limits: { cpu: '2', memory: '1Gi' },
    requests: { cpu: '500m', memory: '1Gi' },
  });
  t.same(resources('{requests: {cpu: 100m}}'), { requests: { cpu: '100m' } });
  t.same(resources('{limits: {memory: 0.1m}, requests: {memory: 1u}}'), {
    limits: { memory: '1m' },
    requests: { memory: '1m' },
  });
  t.same(resources('{limits: {memory: 400m}}').limits, { memory: '400m' }, 'less than a byte is legal');
  t.same(resources('{limits: {memory: 128974848}}').limits, { memory: '128974848' });
});

t.test('a generated name has the prefix and five characters more', async (t) => {
  const text = minimal('').replace('{name: a}', '{generateName: job-}');
  t.match(readPod(text).metadata.name, /^job-[b-df-hj-np-tv-z2456789]{5}$/);
  const { workloads } = readManifest({ text, name: 'x' }, { randomSuffix: () => 'zzzzz' });
  t.same(workloads[0]!.metadata, { generateName: 'job-', name: 'job-zzzzz', namespace: 'default' });
  const long = text.replace('job-', 'x'.repeat(100));
  t.equal(readPod(long).metadata.name.length, 63);
  t.equal(readPod(text.replace('{g', '{name: own, g')).metadata.name, 'own');
});

t.test('a Job is run by its template', async (t) => {
  const text = `apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  completions: 1
  parallelism: 1
  suspend: false
  completionMode: NonIndexed
  backoffLimit: 0
  template:
    metadata: {labels: {app: pi}}
    spec:
      restartPolicy: Never
      containers: [{name: pi, image: "perl:5"}]
`;
  const job = read(text).workloads[0] as Job;
  t.same(job, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'pi', namespace: 'default' },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { app: 'pi' } },
        spec: {
          containers: [{ name: 'pi', image: 'perl:5', imagePullPolicy: 'IfNotPresent', resources: {} }],
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 30,
          dnsPolicy: 'ClusterFirst',
        },
      },
    },
  });
  t.equal((read(text.replace('  backoffLimit: 0\n', '')).workloads[0] as Job).spec.backoffLimit, 6);
});

t.test('several documents and Lists are read in order', async (t) => {
  const one = (name: string) => minimal('').replace('name: a', `name: ${name}`);
  const names = (text: string) => read(text).workloads.map(({ metadata }) => metadata.name);
  t.same(names(`---\n${one('a')}---\n---\n# nothing\n---\n${one('b')}`), ['a', 'b']);
  const list = JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    metadata: { resourceVersion: '' },
    items: read(`${one('x')}---\n${one('w')}`).workloads,
  });
  t.same(names(list), ['x', 'w']);
  t.same(names(`${list}\n---\n${one('z')}`), ['x', 'w', 'z']);
});

t.test('fields that mean nothing on one machine are kept, and named in one notice for each Pod', async (t) => {
  const fields =
    'nodeSelector: {disk: ssd}\ntolerations: [{operator: Exists}]\nschedulerName: default-scheduler\nserviceAccountName: robot\npriority: 0';
  const text = minimal('', fields);
  const { workloads, notices } = read(`${text}---\n${text.replace('{name: a}', '{name: b, finalizers: [x.io/y]}')}`);
  t.strictSame(notices, [
    'pod.yaml:9:3: spec.nodeSelector, spec.tolerations, spec.serviceAccountName: accepted, without effect on one machine',
    'pod.yaml:17:21: metadata.finalizers, spec.nodeSelector, spec.tolerations, spec.serviceAccountName: accepted, without effect on one machine',
  ]);
  t.match(JSON.parse(JSON.stringify(workloads[0]!.spec)), {
    nodeSelector: { disk: 'ssd' },
    serviceAccountName: 'robot',
  });
  t.match(readManifest({ object: { ...workloads[0], spec: { ...workloads[0]!.spec, nodeName: 'n' } } }).notices, [
    /^spec\.nodeSelector, .*spec\.nodeName/,
  ]);
});

t.test('go-yaml booleans and octal numbers reach the fields', async (t) => {
  const pod = readPod(
    minimal(
      'volumeMounts: [{name: v, mountPath: /v, readOnly: yes}]',
      'terminationGracePeriodSeconds: 010\nvolumes: [{name: v}]\nhostPID: off',
    ),
  );
  t.equal(pod.spec.containers[0]!.volumeMounts![0]!.readOnly, true);
  t.equal(pod.spec.terminationGracePeriodSeconds, 8);
});
