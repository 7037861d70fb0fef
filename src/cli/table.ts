import type { CommandSpec, FlagSpec } from './command.js';
import { imageCommands } from './image-table.js';

const namespace: FlagSpec = {
  name: 'namespace',
  short: 'n',
  value: 'NAME',
  env: 'PODRUN_NAMESPACE',
  help: 'namespace of the Pod (default "default")',
};
const container: FlagSpec = {
  name: 'container',
  short: 'c',
  value: 'NAME',
  help: 'container of the Pod (default: the first one)',
};
const file: FlagSpec = {
  name: 'file',
  short: 'f',
  value: 'FILE',
  repeat: true,
  help: 'manifest, "-" for standard input; may be repeated',
};

const authFile: FlagSpec = {
  name: 'authfile',
  value: 'FILE',
  env: 'REGISTRY_AUTH_FILE',
  help: 'file with logins (default: those of podman and Docker)',
};
const registriesConf: FlagSpec = {
  name: 'registries-conf',
  value: 'FILE',
  env: 'CONTAINERS_REGISTRIES_CONF',
  help: 'another registries.conf(5)',
};

const registryMirror: FlagSpec = {
  name: 'registry-mirror',
  value: 'HOST=URL',
  repeat: true,
  help: 'pull images of HOST from URL first; may be repeated',
};

/** Understood by every command, before or after its name. */
export const globalFlags: readonly FlagSpec[] = [
  { name: 'root', value: 'DIR', env: 'PODRUN_ROOT', help: 'images and disks of Pods (default /var/lib/podrun)' },
  {
    name: 'state',
    value: 'DIR',
    env: 'PODRUN_STATE',
    help: 'records, locks and sockets, on a tmpfs (default /run/podrun)',
  },
  { name: 'logs', value: 'DIR', env: 'PODRUN_LOGS', help: 'logs of containers (default /var/log/pods)' },
  { name: 'no-color', help: 'no colour, as with NO_COLOR in the environment' },
  { name: 'help', short: 'h', help: 'help for the command' },
];

/** The whole command line: parser, help and completions are all made from it. Most used first. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'run',
    usage: 'FILE|- [flags]',
    summary: 'run the Pods of a manifest in the foreground until they end',
    description: [
      'Pulls what is missing, starts the Pods, shows what they print and ends when the last of them has ended. A line is preceded by ' +
        'the name of its container when there is more than one.',
      'The exit status is 0 when every container ended with 0, else that of the first container that failed; 128+n after signal n; ' +
        '125 when podrun itself failed. Ctrl-C, SIGTERM and SIGHUP end the Pods gracefully, a second one at once.',
    ],
    flags: [
      file,
      namespace,
      registryMirror,
      registriesConf,
      authFile,
      { name: 'timestamps', help: 'precede each line with its time' },
      { name: 'quiet', short: 'q', help: 'no progress, notices or events: errors and what the containers print' },
      { name: 'verbose', short: 'v', help: 'every event, routine ones too' },
    ],
    examples: [
      ['podrun run pod.yaml', 'run a Pod'],
      [
        'podrun run --registry-mirror docker.io=http://127.0.0.1:5000 pod.yaml',
        'with images from a registry of your own',
      ],
      ['generate | podrun run -', 'read the manifest from standard input'],
    ],
    load: () => import('./commands/run.js'),
  },
  {
    name: 'ps',
    usage: '[flags]',
    summary: 'list Pods',
    flags: [
      { name: 'all-namespaces', short: 'A', help: 'Pods of all namespaces' },
      namespace,
      {
        name: 'output',
        short: 'o',
        value: 'FORMAT',
        oneOf: ['table', 'wide', 'json', 'name'],
        help: 'table, wide, json or name',
      },
      { name: 'quiet', short: 'q', help: 'names only' },
    ],
    examples: [
      ['podrun ps -A', 'every Pod of this machine'],
      ["podrun ps -o json | jq -r '.items[].status.podIP'", 'their addresses'],
    ],
    load: () => import('./commands/ps.js'),
  },
  {
    name: 'logs',
    usage: 'POD [-c CONTAINER] [flags]',
    summary: 'print what the containers of a Pod have written',
    flags: [
      { name: 'follow', short: 'f', help: 'go on until the containers end' },
      container,
      { name: 'all-containers', help: 'of all containers' },
      { name: 'tail', value: 'N', help: 'the last N lines of each container; -1 for all (default)' },
      { name: 'since', value: 'DURATION', help: 'lines younger than this, for instance 90s, 5m or 1h30m' },
      { name: 'timestamps', help: 'precede each line with its time' },
      { name: 'prefix', help: 'precede each line with Pod and container' },
      namespace,
    ],
    examples: [
      ['podrun logs -f web', 'follow'],
      ['podrun logs web --all-containers --prefix --tail 20', 'the last lines of each container'],
    ],
    load: () => import('./commands/logs.js'),
  },
  {
    name: 'exec',
    usage: 'POD [-c CONTAINER] [-i] [-t] -- COMMAND [ARG...]',
    summary: 'run a command in a container',
    description: [
      "The exit status is the command's; 126 and 127 when it cannot be run or found, 125 when podrun itself failed.",
    ],
    flags: [
      { name: 'stdin', short: 'i', help: 'pass standard input to the command' },
      { name: 'tty', short: 't', help: 'with a terminal' },
      container,
      namespace,
    ],
    examples: [
      ['podrun exec -it web -- sh', 'a shell'],
      ['podrun exec web -c app -- cat /etc/hosts', 'one command in one of several containers'],
    ],
    load: () => import('./commands/exec.js'),
  },
  {
    name: 'delete',
    usage: 'POD... [flags]',
    summary: 'end Pods and remove all they had',
    flags: [
      {
        name: 'grace-period',
        value: 'SECONDS',
        help: "time to end by themselves (default: the Pod's own); 0 needs --force",
      },
      { name: 'now', help: 'the same as --grace-period 1' },
      { name: 'force', help: 'kill at once' },
      { name: 'ignore-not-found', help: 'a Pod that is not there is no error' },
      { name: 'no-wait', help: 'only ask for it' },
      file,
      namespace,
    ],
    examples: [
      ['podrun delete web', 'with the grace period of the Pod'],
      ['podrun delete -f pod.yaml', 'the Pods of a manifest'],
    ],
    load: () => import('./commands/delete.js'),
  },
  ...imageCommands([registryMirror, registriesConf, authFile]),
  {
    name: 'login',
    usage: 'REGISTRY [flags]',
    summary: 'keep a user name and password for a registry',
    description: [
      'Shows them to the registry first, and keeps what it accepts. podman, skopeo and buildah read the same file. REGISTRY is a host, ' +
        'with a port or a namespace behind it if need be. On a terminal, what is missing is asked for.',
    ],
    flags: [
      { name: 'username', short: 'u', value: 'USER', help: 'user name' },
      { name: 'password-stdin', help: 'take the password from standard input' },
      { ...authFile, help: "file to keep it in (default: auth.json of containers' tools)" },
      registriesConf,
    ],
    examples: [
      ['podrun login registry.example.com', 'ask for user name and password'],
      ['podrun login -u robot --password-stdin registry.example.com <token', 'in a script'],
    ],
    load: () => import('./commands/login.js'),
  },
  {
    name: 'logout',
    usage: 'REGISTRY [flags] | --all',
    summary: 'forget the login of a registry',
    flags: [
      { name: 'all', short: 'a', help: 'every login of the file' },
      { ...authFile, help: "file it is kept in (default: auth.json of containers' tools)" },
    ],
    examples: [['podrun logout registry.example.com', 'forget it']],
    load: () => import('./commands/logout.js'),
  },
  {
    name: 'version',
    usage: '[flags]',
    summary: 'print the version',
    flags: [{ name: 'output', short: 'o', value: 'FORMAT', oneOf: ['text', 'json'], help: 'text or json' }],
    examples: [['podrun version -o json', 'versions of podrun, Node.js and the kernel']],
    load: () => import('./commands/version.js'),
  },
  {
    name: 'help',
    usage: '[COMMAND]',
    summary: 'explain podrun or one of its commands',
    flags: [],
    examples: [],
    load: () => import('./commands/help.js'),
  },
];
