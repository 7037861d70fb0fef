import fc from 'fast-check';
import t from 'tap';
import { PodrunError } from '../../src/errors.js';
import { readManifest } from '../../src/manifest/read.js';

function refusal(input: string | object): PodrunError {
  try {
    readManifest(typeof input === 'string' ? { text: input, name: 'pod.yaml' } : { object: input });
  } catch (error) {
    return error as PodrunError;
  }
  throw new Error(`was accepted: ${JSON.stringify(input)}`);
}

/** Every problem as "line:column path: message". */
function problems(input: string | object): readonly string[] {
  const found = refusal(input).problems ?? [];
  return found.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

function pod(parts: { readonly container?: string; readonly spec?: string; readonly metadata?: string }): string {
  const { container = '', spec = '', metadata = 'name: a' } = parts;
  const shifted = (text: string, by: string) => text.replace(/^(?=.)/gm, by);
  return `apiVersion: v1\nkind: Pod\nmetadata:\n${shifted(metadata, '  ')}\nspec:\n  containers:\n  - name: c\n    image: i\n${shifted(container, '    ')}\n${shifted(spec, '  ')}\n`;
}

/** Title, text and what is wrong with it; lines of `container` start at 9:5, of `metadata` at 4:3. */
type Case = readonly [string, Parameters<typeof pod>[0], readonly string[]];

function check(group: string, cases: readonly Case[]): void {
  t.test(group, async (t) => {
    for (const [title, parts, expected] of cases) t.strictSame(problems(pod(parts)), expected, title);
  });
}

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

t.test('a problem has file, line, column, path, the line of the text and a caret', async (t) => {
  const text = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: nginx
    ports:
    -    containerPort: eighty
`;
  const error = refusal(text);
  t.equal(error.code, 'ERR_PODRUN_MANIFEST_INVALID');
  t.equal(error.kind, 'invalid');
  t.equal(
    error.message,
    `pod.yaml:10:25: spec.containers[0].ports[0].containerPort: expected an integer, got "eighty"
    10 |     -    containerPort: eighty
       |                         ^`,
  );
  t.strictSame(error.problems, [
    {
      line: 10,
      column: 25,
      path: 'spec.containers[0].ports[0].containerPort',
      message: 'expected an integer, got "eighty"',
    },
  ]);
});

t.test('all problems of all documents are told at once, in the order of the text', async (t) => {
  const text = `${pod({ container: 'comand: [x]', metadata: 'name: A_B' })}---\nkind: Service\napiVersion: v1\n---\n${pod({ spec: 'hostPID: true' })}`;
  t.strictSame(
    problems(text).map((line) => line.replace(/: .*/, '')),
    ['4:9 metadata.name', '9:5 spec.containers[0].comand', '12:7 kind', '24:3 spec.hostPID'],
  );
});

t.test('after fifty problems the rest is counted', async (t) => {
  const fields = Array.from({ length: 80 }, (_, index) => `zz${index}: 1`).join('\n');
  const error = refusal(pod({ spec: fields }));
  t.equal(error.problems?.length, 80);
  t.match(error.message, /\nand 30 more$/);
  t.equal(error.message.split('\n').filter((line) => line.startsWith('pod.yaml:')).length, 50);
});

t.test('an object has paths and no positions', async (t) => {
  const error = refusal({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', imag: 'i' }] },
  });
  t.equal(error.message, 'spec.containers[0].imag: unknown field "imag"; did you mean "image"?');
  t.strictSame(error.problems, [
    { path: 'spec.containers[0].imag', message: 'unknown field "imag"; did you mean "image"?' },
  ]);
  for (const object of [undefined, null, 1, 'x', [], new Map(), () => 1]) {
    t.throws(() => readManifest({ object }), { code: 'ERR_PODRUN_MANIFEST_INVALID' });
  }
});

t.test('nothing in a message moves the cursor or turns the text round', async (t) => {
  const { message } = refusal(pod({ container: 'workingDir: [1]\n"a\\u001b[31m": 1\n"b\\u202e": 2' }));
  t.notMatch(message.replaceAll('\n', ''), /[\p{Cc}\u202a-\u202e]/u);
});

t.test('a caret stands below its place in a long line, too', async (t) => {
  const { message } = refusal(pod({ container: `args: ["${'x'.repeat(500)}", 7, "${'y'.repeat(500)}"]` }));
  const [, source = '', caret = ''] = message.split('\n');
  t.ok(source.length < 200);
  t.equal(source[caret.indexOf('^')], '7');
});

check('unknown fields', [
  [
    'misspelt',
    { container: 'comand: [a]' },
    ['9:5 spec.containers[0].comand: unknown field "comand"; did you mean "command"?'],
  ],
  [
    'wrong case',
    { spec: 'HostNetwork: true' },
    ['10:3 spec.HostNetwork: unknown field "HostNetwork"; did you mean "hostNetwork"?'],
  ],
  [
    'like none',
    { container: 'ports: [{foo: 1, containerPort: 1}]' },
    [
      '9:14 spec.containers[0].ports[0].foo: unknown field "foo"; known here: name, hostPort, containerPort, protocol, hostIP',
    ],
  ],
  [
    'named like what every object has',
    { spec: 'constructor: 1\ntoString: 2' },
    ['10:3 spec.constructor: unknown field "constructor"', '11:3 spec.toString: unknown field "toString"'],
  ],
]);

check('types', [
  [
    'string',
    { container: 'workingDir: 7' },
    ['9:17 spec.containers[0].workingDir: expected a string, got the number 7; quote it: "7"'],
  ],
  [
    'string that YAML 1.1 takes for something else',
    { container: 'env:\n- {name: A, value: yes}\n- {name: B, value: 0400}' },
    [
      '10:24 spec.containers[0].env[0].value: expected a string, got the boolean true; quote it: "yes"',
      '11:24 spec.containers[0].env[1].value: expected a string, got the number 256; quote it: "0400"',
    ],
  ],
  ['list', { container: 'command: sleep 5' }, ['9:14 spec.containers[0].command: expected a list, got "sleep 5"']],
  [
    'element',
    { container: 'args: [a, 1]' },
    ['9:15 spec.containers[0].args[1]: expected a string, got the number 1; quote it: "1"'],
  ],
  ['object', { container: 'resources: [a]' }, ['9:16 spec.containers[0].resources: expected an object, got a list']],
  [
    'element that has to be an object',
    { container: 'env: [a, ~]' },
    [
      '9:11 spec.containers[0].env[0]: expected an object, got "a"',
      '9:14 spec.containers[0].env[1]: expected an object, got nothing',
    ],
  ],
  ['map', { metadata: 'name: a\nlabels: [x]' }, ['5:11 metadata.labels: expected an object, got a list']],
  [
    'value of a map',
    { metadata: 'name: a\nlabels: {x: 1}' },
    ['5:15 metadata.labels[x]: expected a string, got the number 1; quote it: "1"'],
  ],
  [
    'boolean',
    { spec: 'hostNetwork: "true"' },
    [
      '10:16 spec.hostNetwork: expected a boolean (true or false), got "true"',
      '10:3 spec.hostNetwork: not supported yet, only false',
    ].toReversed(),
  ],
  [
    'integer',
    { spec: 'terminationGracePeriodSeconds: 1.5' },
    ['10:34 spec.terminationGracePeriodSeconds: expected an integer, got the number 1.5'],
  ],
  [
    'integer of 32 bits',
    { container: 'ports: [{containerPort: 99999999999}]' },
    [
      '9:29 spec.containers[0].ports[0].containerPort: Invalid value: 99999999999: must be between -2147483648 and 2147483647, inclusive',
    ],
  ],
  [
    'not a number',
    { spec: 'terminationGracePeriodSeconds: .nan' },
    ['10:34 spec.terminationGracePeriodSeconds: expected an integer, got the number NaN'],
  ],
  [
    'quantity',
    { container: 'resources: {limits: {cpu: [1], memory: lots}}' },
    [
      '9:31 spec.containers[0].resources.limits[cpu]: expected a quantity such as 500m or 200Mi, got a list',
      '9:44 spec.containers[0].resources.limits[memory]: invalid quantity "lots": a quantity is a number with an optional suffix',
    ],
  ],
  [
    'NUL, which no program can be given',
    { container: 'args: ["a\\0b"]' },
    ['9:12 spec.containers[0].args[0]: Invalid value: "a\\u0000b": must not contain a NUL character'],
  ],
  [
    'value of a set',
    { container: 'imagePullPolicy: Allways' },
    [
      '9:22 spec.containers[0].imagePullPolicy: Unsupported value: "Allways": supported values: "Always", "Never", "IfNotPresent"; did you mean "Always"?',
    ],
  ],
  [
    'value of a set, like none of it',
    { spec: 'restartPolicy: Sometimes' },
    ['10:18 spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'inside a field that has no effect',
    { spec: 'tolerations: [{operator: Exits, foo: 1}]\nnodeSelector: {a: 1}' },
    [
      '10:28 spec.tolerations[0].operator: Unsupported value: "Exits": supported values: "Exists", "Equal", "Lt", "Gt"; did you mean "Exists"?',
      '10:35 spec.tolerations[0].foo: unknown field "foo"; known here: key, operator, value, effect, tolerationSeconds',
      '11:21 spec.nodeSelector[a]: expected a string, got the number 1; quote it: "1"',
    ],
  ],
  [
    'missing inside a field that has no effect',
    { spec: 'topologySpreadConstraints: [{maxSkew: 1, topologyKey: z}]' },
    ['10:31 spec.topologySpreadConstraints[0].whenUnsatisfiable: Required value'],
  ],
]);

check('not supported yet', [
  [
    'a field',
    { container: 'livenessProbe: {exec: {command: [a]}}' },
    ['9:5 spec.containers[0].livenessProbe: not supported yet'],
  ],
  [
    'and what is misspelt in it',
    { container: 'livenessProbe: {exec: {comand: [a]}}' },
    [
      '9:5 spec.containers[0].livenessProbe: not supported yet',
      '9:28 spec.containers[0].livenessProbe.exec.comand: unknown field "comand"; did you mean "command"?',
    ],
  ],
  [
    'a value',
    { spec: 'dnsPolicy: None' },
    ['10:14 spec.dnsPolicy: "None" is not supported yet, only "ClusterFirst" or "Default"'],
  ],
  [
    'all but the default',
    { container: 'ports: [{containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}]' },
    [
      '9:33 spec.containers[0].ports[0].hostPort: not supported yet, only 0',
      '9:47 spec.containers[0].ports[0].hostIP: not supported yet',
    ],
  ],
  [
    'security',
    {
      container:
        'securityContext: {runAsUser: 1, capabilities: {add: [NET_ADMIN]}, seccompProfile: {type: Unconfined}}',
    },
    [
      '9:23 spec.containers[0].securityContext.runAsUser: not supported yet',
      '9:52 spec.containers[0].securityContext.capabilities.add: not supported yet',
      '9:94 spec.containers[0].securityContext.seccompProfile.type: "Unconfined" is not supported yet, only "RuntimeDefault"',
    ],
  ],
  [
    'volumes',
    { spec: 'volumes: [{name: v, hostPath: {path: /x}}, {name: w, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]' },
    [
      '10:23 spec.volumes[0].hostPath: not supported yet',
      '10:67 spec.volumes[1].emptyDir.medium: not supported yet',
      '10:83 spec.volumes[1].emptyDir.sizeLimit: not supported yet',
    ],
  ],
  ['Windows', { spec: 'os: {name: windows}' }, ['10:14 spec.os.name: "windows" is not supported yet, only "linux"']],
  [
    'an environment from elsewhere',
    {
      container:
        'env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]\nenvFrom: [{configMapRef: {name: a}}]',
    },
    [
      '9:21 spec.containers[0].env[0].valueFrom: not supported yet',
      '10:5 spec.containers[0].envFrom: not supported yet',
    ],
  ],
  [
    'other resources',
    {
      container:
        'resources: {limits: {ephemeral-storage: 1Gi, hugepages-2Mi: 2Mi, nvidia.com/gpu: 1, memroy: 1Gi, gpus: 1}}',
    },
    [
      '9:26 spec.containers[0].resources.limits[ephemeral-storage]: not supported yet: disk space is not limited',
      '9:50 spec.containers[0].resources.limits[hugepages-2Mi]: not supported yet: huge pages',
      '9:70 spec.containers[0].resources.limits[nvidia.com/gpu]: not supported yet: there are no device plugins to provide it',
      '9:89 spec.containers[0].resources.limits[memroy]: Invalid value: "memroy": must be a standard resource for containers; did you mean "memory"?',
      '9:102 spec.containers[0].resources.limits[gpus]: Invalid value: "gpus": must be a standard resource for containers',
    ],
  ],
]);

check('names and metadata', [
  ['name', { metadata: 'name: example_pod' }, [`4:9 metadata.name: Invalid value: "example_pod": ${subdomain}`]],
  ['no name', { metadata: 'labels: {}' }, ['3:1 metadata.name: Required value: name or generateName is required']],
  [
    'name of another type',
    { metadata: 'name: 12' },
    ['4:9 metadata.name: expected a string, got the number 12; quote it: "12"'],
  ],
  ['prefix', { metadata: 'generateName: A-' }, [`4:17 metadata.generateName: Invalid value: "A-": ${subdomain}`]],
  [
    'namespace',
    { metadata: 'name: a\nnamespace: a.b' },
    ['5:14 metadata.namespace: Invalid value: "a.b": must not contain dots'],
  ],
  [
    'label',
    { metadata: 'name: a\nlabels: {a b: x, c: "-"}' },
    [
      `5:12 metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      `5:23 metadata.labels: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue', or 'my_value', or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    ],
  ],
  [
    'annotation',
    { metadata: 'name: a\nannotations: {/x: b, Ok.io/Fine: c}' },
    ['5:17 metadata.annotations: Invalid value: "/x": prefix part must be non-empty'],
  ],
  [
    'too much of annotations',
    { metadata: `name: a\nannotations: {x: ${'y'.repeat(262_144)}}` },
    ['5:3 metadata.annotations: Too long: may not be more than 262144 bytes'],
  ],
  [
    'owners',
    {
      metadata:
        'name: a\nownerReferences: [{kind: K, name: k, uid: u, controller: true}, {apiVersion: v1, kind: L, name: m, uid: u, controller: true}]',
    },
    [
      '5:3 metadata.ownerReferences: Invalid value: only one reference can have controller set to true, found it in K/k and L/m',
      '5:21 metadata.ownerReferences[0].apiVersion: Required value',
    ],
  ],
  ['hostname', { spec: 'hostname: a.b' }, ['10:13 spec.hostname: Invalid value: "a.b": must not contain dots']],
  [
    'grace',
    { spec: 'terminationGracePeriodSeconds: -1' },
    ['10:34 spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0'],
  ],
]);

check('containers', [
  [
    'name',
    { spec: 'initContainers: [{name: A, image: i}]' },
    [`10:27 spec.initContainers[0].name: Invalid value: "A": ${label}`],
  ],
  [
    'no name, no image',
    { spec: 'initContainers: [{args: []}]' },
    ['10:20 spec.initContainers[0].name: Required value', '10:20 spec.initContainers[0].image: Required value'],
  ],
  [
    'the same name twice',
    { spec: 'initContainers: [{name: c, image: i}]' },
    ['10:27 spec.initContainers[0].name: Duplicate value: "c"'],
  ],
  [
    'image',
    { container: '', spec: 'initContainers: [{name: x, image: " i"}]' },
    ['10:37 spec.initContainers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
  ],
  [
    'a misspelt name is not missing, too',
    { spec: 'initContainers: [{nmae: x, image: i}]' },
    ['10:21 spec.initContainers[0].nmae: unknown field "nmae"; did you mean "name"?'],
  ],
  [
    'env',
    { container: 'env: [{name: "A=B"}, {value: x}, {name: ä}]' },
    [
      '9:18 spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      '9:26 spec.containers[0].env[1].name: Required value',
      '9:45 spec.containers[0].env[2].name: Invalid value: "ä": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
    ],
  ],
  [
    'ports',
    {
      container:
        'ports: [{containerPort: 0}, {containerPort: 70000}, {name: HTTP-, containerPort: 1}, {name: a}, {name: a, containerPort: 2, protocol: tcp}]',
    },
    [
      '9:29 spec.containers[0].ports[0].containerPort: Required value',
      '9:49 spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      '9:64 spec.containers[0].ports[2].name: Invalid value: "HTTP-": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      '9:64 spec.containers[0].ports[2].name: Invalid value: "HTTP-": must contain at least one letter (a-z)',
      '9:64 spec.containers[0].ports[2].name: Invalid value: "HTTP-": must not begin or end with a hyphen',
      '9:90 spec.containers[0].ports[3].containerPort: Required value',
      '9:108 spec.containers[0].ports[4].name: Duplicate value: "a"',
      '9:139 spec.containers[0].ports[4].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"; did you mean "TCP"?',
    ],
  ],
  [
    'mounts',
    {
      container:
        'volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}, {name: w, mountPath: "/b:c"}, {name: vv}]',
      spec: 'volumes: [{name: v}]',
    },
    [
      '9:67 spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
      '9:79 spec.containers[0].volumeMounts[2].name: Not found: "w": did you mean "v"?',
      '9:93 spec.containers[0].volumeMounts[2].mountPath: Invalid value: "/b:c": must not contain \':\'',
      '9:102 spec.containers[0].volumeMounts[3].mountPath: Required value',
      '9:109 spec.containers[0].volumeMounts[3].name: Not found: "vv": did you mean "v"?',
    ],
  ],
  [
    'volumes',
    { spec: 'volumes: [{name: A}, {name: v}, {name: v}, {emptyDir: {}}]' },
    [
      `10:20 spec.volumes[0].name: Invalid value: "A": ${label}`,
      '10:42 spec.volumes[2].name: Duplicate value: "v"',
      '10:46 spec.volumes[3].name: Required value',
    ],
  ],
  [
    'amounts',
    { container: 'resources: {limits: {cpu: -1, memory: 1Gi}, requests: {cpu: 0.5m, memory: 2Gi}}' },
    [
      '9:31 spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      '9:65 spec.containers[0].resources.requests[cpu]: Invalid value: "0.5m": must not be finer than 1m, a thousandth of a core',
      '9:65 spec.containers[0].resources.requests: Invalid value: "0.5m": must be less than or equal to cpu limit of -1',
      '9:79 spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
    ],
  ],
]);

t.test('a Pod without containers', async (t) => {
  const text = (spec: string) => `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n${spec}`;
  t.strictSame(problems(text('')), ['1:1 spec: Required value']);
  t.strictSame(problems(text('spec: {}')), ['4:1 spec.containers: Required value']);
  t.strictSame(problems(text('spec: {containers: []}')), ['4:20 spec.containers: Required value']);
  t.strictSame(problems(text('spec: {containres: [{name: a, image: b}]}')), [
    '4:8 spec.containres: unknown field "containres"; did you mean "containers"?',
  ]);
});

t.test('a Job whose Pods would never end', async (t) => {
  const job = (spec: string, template = '') =>
    `apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec:\n  template:\n    spec:\n      containers: [{name: a, image: b}]\n${template}${spec}`;
  t.strictSame(problems(job('')), [
    '6:5 spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
  t.strictSame(problems(job('', '      restartPolicy: Always\n')), [
    '8:22 spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"',
  ]);
  const never = '      restartPolicy: Never\n';
  t.strictSame(problems(job('  backoffLimit: -1\n  completions: 2\n  ttlSecondsAfterFinished: 1\n', never)), [
    '9:17 spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
    '10:3 spec.completions: not supported yet, only 1',
    '11:3 spec.ttlSecondsAfterFinished: not supported yet',
  ]);
  t.strictSame(problems('apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {}'), [
    '4:1 spec.template: Required value',
  ]);
  t.strictSame(problems('apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {}}'), [
    '4:8 spec.template.spec: Required value',
  ]);
});

t.test('kinds', async (t) => {
  const runs = 'podrun runs Pods (v1) and Jobs (batch/v1)';
  const kind = (apiVersion: string, name: string) => problems(`apiVersion: ${apiVersion}\nkind: ${name}\n`)[0];
  t.equal(kind('apps/v1', 'Deployment'), `2:7 kind: Deployment (apps/v1) is not supported yet; ${runs}`);
  t.equal(kind('v1', 'ConfigMap'), `2:7 kind: ConfigMap (v1) is not supported yet; ${runs}`);
  t.equal(kind('v1', 'Deploymnet'), '2:7 kind: unknown kind "Deploymnet"; did you mean "Deployment"?');
  t.equal(kind('v1', 'pod'), '2:7 kind: unknown kind "pod"; did you mean "Pod"?');
  t.equal(kind('example.com/v1', 'Zebra'), `2:7 kind: unknown kind "Zebra"; ${runs}`);
  t.equal(kind('v1', 'List'), '2:7 kind: a List is in "v1" and has a list of items');
  t.equal(
    problems('apiVersion: apps/v1\nkind: Pod').at(-1),
    '1:13 apiVersion: Unsupported value: "apps/v1": a Pod is in "v1"',
  );
  t.strictSame(problems('a: 1'), ['1:1 kind: Required value']);
  t.match(problems('kind: Pod')[0], /apiVersion: Required value/);
  t.strictSame(problems('- a'), ['1:1 : expected a Kubernetes object with apiVersion and kind']);
  t.match(
    problems('{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"}]}').join(),
    /1:48 items\[0\]\.metadata: Required value/,
  );
});

t.test('a text without any object', async (t) => {
  t.equal(
    refusal('# nothing here\n---\n').message,
    'pod.yaml:1:1: there is no Kubernetes object in it\n     1 | # nothing here\n       | ^',
  );
  t.equal(refusal('').code, 'ERR_PODRUN_MANIFEST_INVALID');
  t.equal(refusal('{"apiVersion": "v1", "kind": "List", "items": []}').code, 'ERR_PODRUN_MANIFEST_INVALID');
});

t.test('two objects of one kind and name', async (t) => {
  const text = pod({});
  t.strictSame(problems(`${text}---\n${text}`), ['15:9 metadata.name: Duplicate value: "a"']);
  t.equal(
    readManifest({ text: `${text}---\n${text.replace('name: a', 'name: a\n  namespace: b')}`, name: 'x' }).workloads
      .length,
    2,
  );
});

t.test('a key that is set twice', async (t) => {
  t.strictSame(problems(pod({ container: 'image: j' })), ['9:5 spec.containers[0].image: is set more than once']);
  t.strictSame(
    problems(
      '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "name": "b"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}',
    ),
    ['1:63 metadata.name: is set more than once'],
  );
});

/** A Pod with any value in any place of it. */
const strange = fc
  .tuple(
    fc.constantFrom(
      'metadata',
      'metadata.name',
      'metadata.labels',
      'spec',
      'spec.containers',
      'spec.containers.0',
      'spec.containers.0.env',
      'spec.containers.0.resources',
      'spec.containers.0.livenessProbe',
      'spec.volumes',
      'spec.hostNetwork',
      'spec.affinity',
      'spec.dnsConfig',
      'kind',
      'status',
    ),
    fc.anything({
      withBigInt: true,
      withNullPrototype: true,
      withMap: true,
      withDate: true,
      withSparseArray: true,
      maxDepth: 3,
    }),
  )
  .map(([path, value]) => {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    };
    const keys = path.split('.');
    let at = object as Record<string, unknown>;
    for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
    at[keys.at(-1)!] = value;
    return object;
  });

t.test('property: whatever an object holds, it is read or refused', async () => {
  fc.assert(
    fc.property(fc.oneof(strange, fc.anything({ withBigInt: true })), (object) => {
      try {
        return readManifest({ object }).workloads.length > 0;
      } catch (error) {
        return error instanceof PodrunError && error.code === 'ERR_PODRUN_MANIFEST_INVALID';
      }
    }),
    { numRuns: 2000 },
  );
});

t.test('property: a Pod with a few characters changed is read or refused, with positions', async () => {
  const base = pod({
    container: 'command: [sh, -c, "x"]\nenv:\n- name: A\n  value: b\nresources: {limits: {cpu: 1}}',
    spec: 'volumes:\n- name: v\n  emptyDir: {}',
  });
  const change = fc.tuple(fc.nat(base.length), fc.nat(3), fc.stringMatching(/^[ -~\n]{0,3}$/));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const text = changes.reduce(
        (before, [at, drop, put]) => before.slice(0, at) + put + before.slice(at + drop),
        base,
      );
      try {
        return readManifest({ text, name: 'x' }).workloads.length > 0;
      } catch (error) {
        return (
          error instanceof PodrunError &&
          /^ERR_PODRUN_MANIFEST_/.test(error.code) &&
          error.problems!.every(({ line }) => line !== undefined)
        );
      }
    }),
    { numRuns: 1500 },
  );
});
