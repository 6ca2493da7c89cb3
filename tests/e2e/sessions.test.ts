/**
 * Sessions with kubectl, as a terminal shows them: `tests/sessions/*.session`. A current kubectl runs them all, and
 * Debian's those that say `# as of kubectl 1.20`. `SESSIONS_RECORD=1` writes what is answered into the files.
 */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentKubectl } from './support/go-programs.ts';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls, oneOfEach } from './support/kubectl-programs.ts';
import { parseSession, printSession, type Step, withPlaceholders } from './support/session.ts';
import { must, root, run } from './support/tendril.ts';

const folder = join(root, 'tests', 'sessions');
const isRecording = process.env.SESSIONS_RECORD === '1';
const sessions = readdirSync(folder)
  .filter((file) => file.endsWith('.session'))
  .map((file) => ({ name: basename(file, '.session'), text: readFileSync(join(folder, file), 'utf8') }));

const isFor = (text: string, minor: number) => minor >= 36 || text.includes('# as of kubectl 1.20\n');

describe.each(oneOfEach(currentKubectl(), kubectls()))('kubectl $version', (entry) => {
  const lab = useKubectlLab(entry);
  let home: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'tendril-sessions-'));
    symlinkSync((await must(run('which', [entry.path]))).trim(), join(home, 'kubectl'));
    copyFileSync(lab.environment().KUBECONFIG, join(home, 'config'));
    env = {
      HOME: home,
      PATH: `${home}:${process.env.PATH}`,
      KUBECONFIG: join(home, 'config'),
      LC_ALL: 'C.UTF-8',
    };
  });
  afterAll(() => home && rmSync(home, { recursive: true, force: true }));

  /** In a shell that knows the prelude's functions; both outputs in one. */
  async function answerTo(command: string): Promise<string> {
    const script = `. ${folder}/prelude.sh; cd "$HOME"; exec 2>&1; ${command}`;
    const { code, stdout } = await run('bash', ['-c', script], { env, timeoutMs: 60_000 });
    return withPlaceholders(stdout) + (code === 0 ? '' : `[exit status ${code}]\n`);
  }

  const here = sessions.filter(({ text }) => isFor(text, lab.minor));
  test.each(here)('$name', { timeout: 180_000 }, async ({ name, text }) => {
    const { steps, below } = parseSession(text);
    await must(run('kubectl', ['delete', 'namespace', name, '--ignore-not-found'], { env }));
    await must(run('kubectl', ['create', 'namespace', name], { env }));
    await must(run('kubectl', ['config', 'set-context', '--current', '--namespace', name], { env }));
    const had: Step[] = [];
    for (const step of steps) had.push({ ...step, answer: await answerTo(step.command) });
    const session = printSession(had, below);
    if (isRecording && lab.minor >= 36) writeFileSync(join(folder, `${name}.session`), session);
    else expect(session).toBe(text);
  });
});
