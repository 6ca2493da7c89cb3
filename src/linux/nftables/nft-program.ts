/** Nftables by `nft -f -`, through `nsenter --net` where the rules belong to another namespace. */
import { execFile } from 'node:child_process';
import { TendrilError } from '../../util/errors.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import type { Nftables } from './nftables.ts';

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export const nftProgram: Nftables = {
  async apply(netns, ruleset) {
    const outcome = await run(netns, ['-f', '-'], ruleset);
    if (outcome.code !== 0) throw failure('apply rule set', outcome, ruleset);
  },

  async list(netns, table) {
    const outcome = await run(
      netns,
      ['list', ...(table === undefined ? ['ruleset'] : ['table', ...table.split(' ')])],
      '',
    );
    if (outcome.code === 0) return outcome.stdout;
    if (table !== undefined && outcome.stderr.includes('No such file or directory')) return '';
    throw failure('list rules', outcome, '');
  },

  async tables(netns) {
    const outcome = await run(netns, ['list', 'tables'], '');
    if (outcome.code !== 0) throw failure('list tables', outcome, '');
    return outcome.stdout.split('\n').flatMap((line) => /^table (.+)$/.exec(line)?.[1] ?? []);
  },

  async describe(netns, table) {
    const what = table === undefined ? ['ruleset'] : ['table', ...table.split(' ')];
    const outcome = await run(netns, ['-j', '-a', 'list', ...what], '');
    if (outcome.code === 0) return JSON.parse(outcome.stdout);
    if (table !== undefined && outcome.stderr.includes('No such file or directory')) return { nftables: [] };
    throw failure('list rules', outcome, '');
  },
};

/** A rule of kube-proxy's has some 500 bytes in JSON, and a node may have hundreds of thousands. */
const maxOutput = 256 * 2 ** 20;

/** By descriptor, not by path: the namespace is the one that is held open, whatever is at the path by now. */
function run(netns: NetnsHandle | undefined, args: string[], input: string): Promise<Outcome> {
  const [file, argv] =
    netns === undefined
      ? ['nft', args]
      : ['nsenter', [`--net=/proc/${process.pid}/fd/${netns.fd}`, 'nft', ...args]];
  return new Promise((resolve, reject) => {
    const child = execFile(file, argv, { maxBuffer: maxOutput }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(missing(file, error));
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
    // When nft ends before it has read all, its message says why; EPIPE says nothing.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

function missing(file: string, cause: Error): TendrilError {
  const remedy = `install ${file === 'nft' ? 'nftables' : 'util-linux'}`;
  return new TendrilError('TOOL_FAILED', `cannot run ${file}: ${cause.message}`, { remedy, cause });
}

function failure(operation: string, { code, stderr }: Outcome, ruleset: string): TendrilError {
  const message = stderr.trim().split('\n')[0] ?? '';
  if (message.includes('nft: No such file') || message.includes('failed to execute nft')) {
    return new TendrilError('TOOL_FAILED', message, { remedy: 'install nftables' });
  }
  const line = ruleset.split('\n')[Number(/^[^:]*:(\d+):/.exec(message)?.[1]) - 1]?.trim();
  const where = line === undefined ? '' : ` in "${line}"`;
  return new TendrilError('TOOL_FAILED', `nft: ${operation}: ${message || `exit status ${code}`}${where}`);
}
