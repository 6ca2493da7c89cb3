/**
 * Images whose containers run here, with the machine's own tools. Everything else is stood in for.
 * Order matters only where patterns overlap: the first match counts.
 */

export interface HostImage {
  /** Matched against the repository, without registry, `library/`, tag and digest. */
  pattern: RegExp;
  /** The image's ENTRYPOINT and CMD, as its Dockerfile has them where the tool is the same. */
  entrypoint: string[];
  cmd: string[];
  /** Commands that the machine must have; without them the image is stood in for. */
  needs: string[];
  /** Adds every BusyBox applet at the end of PATH, for what the machine lacks. */
  applets?: boolean;
  /** A server by default, a tool box when it is given a command: stood in for when it has none. */
  serverByDefault?: boolean;
  /** The program's own directory is shown at /tendril. */
  program?: boolean;
  /** Programs of the build (dist/native) that the image has, by the path it has them at. */
  native?: Record<string, string>;
}

/** curlimages/curl's entrypoint: a first word that is no command is an argument of curl's. */
const curlEntrypoint = [
  'sh',
  '-c',
  'case "$1" in -*) set -- curl "$@" ;; *) command -v "$1" >/dev/null || set -- curl "$@" ;; esac; exec "$@"',
  'curl',
];

/** The last component of the repository is one of these, in whatever registry or mirror. */
function named(...names: string[]): RegExp {
  return new RegExp(`(^|/)(${names.join('|')})$`);
}

export const hostImages: HostImage[] = [
  {
    pattern: /^tendril\/dns$/,
    entrypoint: ['/tendril/bin/tendril', 'dns'],
    cmd: [],
    needs: [],
    program: true,
  },
  {
    // Its second name is for tests of a container's own command.
    pattern: named('agnhost'),
    entrypoint: ['/agnhost'],
    cmd: ['pause'],
    needs: [],
    applets: true,
    native: { '/agnhost': 'agnhost', '/agnhost-2': 'agnhost' },
  },
  { pattern: named('busybox', 'alpine'), entrypoint: [], cmd: ['sh'], needs: ['busybox'], applets: true },
  {
    pattern: named('debian', 'ubuntu', 'bash', 'debian-base', 'fedora', 'centos'),
    entrypoint: [],
    cmd: ['bash'],
    needs: ['bash'],
  },
  {
    pattern: named('curl', 'curl-base'),
    entrypoint: curlEntrypoint,
    cmd: ['curl'],
    needs: ['curl'],
    applets: true,
  },
  {
    pattern: named('netshoot', 'dnsutils', 'jessie-dnsutils', 'glibc-dns-testing'),
    entrypoint: [],
    cmd: ['bash'],
    needs: ['bash', 'curl', 'dig'],
    applets: true,
  },
  {
    pattern: named('network-multitool', 'toolbox', 'net-tools'),
    entrypoint: [],
    cmd: [],
    needs: ['bash', 'curl'],
    applets: true,
    serverByDefault: true,
  },
  { pattern: named('iperf3'), entrypoint: ['iperf3'], cmd: [], needs: ['iperf3'] },
  { pattern: /^nginx$/, entrypoint: [], cmd: ['nginx', '-g', 'daemon off;'], needs: ['nginx'] },
  {
    pattern: /^redis$/,
    entrypoint: [],
    cmd: ['redis-server', '--protected-mode', 'no'],
    needs: ['redis-server'],
  },
  { pattern: /^perl$/, entrypoint: [], cmd: ['perl', '-de0'], needs: ['perl'] },
];
