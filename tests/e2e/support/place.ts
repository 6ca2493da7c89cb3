/** Where in a lab a test's own programs run. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Place {
  /** Network namespace, by path. */
  netns: string;
  /** Whose sockets they are; without, no socket hook sees them, and packets are translated. */
  cgroup?: string;
}

/** With a pipe for input and output; its errors are the test's. */
export function spawnAt({ netns, cgroup }: Place, argv: readonly string[]): ChildProcess {
  const enter = cgroup === undefined ? '' : `echo $$ > ${cgroup}/cgroup.procs; `;
  return spawn('sh', ['-ec', `${enter}exec "$@"`, 'sh', 'nsenter', `--net=${netns}`, ...argv], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Standard output of a program that must succeed. */
export async function outputAt(place: Place, argv: readonly string[]): Promise<string> {
  const child = spawnAt(place, argv);
  child.stdin!.end();
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit status ${code}`);
  return text;
}
