import type { CommandSpec, FlagSpec } from './command.js';

function output(...formats: readonly string[]): FlagSpec {
  return { name: 'output', short: 'o', value: 'FORMAT', oneOf: formats, help: formats.join(' or ') };
}

/** The commands that care for images. @param registry  flags of those that may go to a registry */
export function imageCommands(registry: readonly FlagSpec[]): readonly CommandSpec[] {
  return [
    {
      name: 'pull',
      usage: 'IMAGE [flags]',
      summary: 'bring an image into the store',
      flags: [
        { name: 'platform', value: 'OS/ARCH', help: "for another machine, such as linux/arm64 (default: this one's)" },
        { name: 'quiet', short: 'q', help: 'no progress; prints the ID' },
        ...registry,
      ],
      examples: [['podrun pull registry.k8s.io/pause:3.10', 'download what is missing of an image']],
      load: () => import('./commands/images/pull.js'),
    },
    {
      name: 'images',
      usage: '[flags]',
      summary: 'list images',
      flags: [
        output('table', 'json'),
        { name: 'quiet', short: 'q', help: 'IDs only' },
        { name: 'digests', help: 'with digests' },
      ],
      examples: [['podrun images --digests', 'every image of this machine']],
      load: () => import('./commands/images/images.js'),
    },
    {
      name: 'rmi',
      usage: 'IMAGE... [flags]',
      summary: 'remove images, and the content that nothing else needs',
      flags: [{ name: 'force', help: 'even if a Pod uses it; its layers stay until the Pod has ended' }],
      examples: [['podrun rmi busybox:1.36', 'remove one']],
      load: () => import('./commands/images/rmi.js'),
    },
    {
      name: 'prune',
      usage: '[flags]',
      summary: 'remove content that no image and no Pod needs',
      flags: [
        { name: 'all', short: 'a', help: 'also every image that no Pod uses' },
        { name: 'filter', value: 'until=DURATION', help: 'with --all: only images pulled longer ago than this' },
        output('text', 'json'),
      ],
      examples: [['podrun prune -a --filter until=24h', 'images that no Pod uses, pulled before yesterday']],
      load: () => import('./commands/images/prune.js'),
    },
    {
      name: 'inspect',
      usage: 'IMAGE',
      summary: 'print what is known of an image, as JSON',
      flags: [],
      examples: [['podrun inspect busybox | jq .config.Cmd', 'its command']],
      load: () => import('./commands/images/inspect.js'),
    },
    {
      name: 'df',
      usage: '[flags]',
      summary: 'show what images and Pods take of the disk',
      flags: [output('table', 'json')],
      examples: [['podrun df', 'sizes, and what `prune -a` would free']],
      load: () => import('./commands/images/df.js'),
    },
    {
      name: 'load',
      usage: '[-i FILE] [flags]',
      summary: 'bring the images of an archive into the store',
      description: ['Takes an OCI layout, as a directory or tar, and what `docker save` writes; gzipped or not.'],
      flags: [
        { name: 'input', short: 'i', value: 'FILE', help: 'archive or directory, "-" for standard input (default)' },
        { name: 'name', value: 'IMAGE', help: 'name of an image that the archive has no name for' },
        output('text', 'json'),
      ],
      examples: [['podrun load -i image.tar', 'load an archive']],
      load: () => import('./commands/images/load.js'),
    },
    {
      name: 'save',
      usage: 'IMAGE... [-o FILE] [flags]',
      summary: 'write images into an archive',
      flags: [
        { name: 'output', short: 'o', value: 'FILE', help: 'archive to write, "-" for standard output (default)' },
        {
          name: 'format',
          value: 'FORMAT',
          oneOf: ['oci-archive', 'docker-archive'],
          help: 'oci-archive (default) or docker-archive',
        },
        ...registry,
      ],
      examples: [['podrun save -o image.tar busybox:1.36', 'save an image']],
      load: () => import('./commands/images/save.js'),
    },
    {
      name: 'push',
      usage: 'IMAGE [DESTINATION] [flags]',
      summary: 'send an image to a registry',
      description: ['Sends the image of one platform; what the registry has already is not sent again.'],
      flags: [output('text', 'json'), ...registry],
      examples: [['podrun push busybox:1.36 127.0.0.1:5000/busybox:1.36', 'copy an image to a registry of your own']],
      load: () => import('./commands/images/push.js'),
    },
  ];
}
