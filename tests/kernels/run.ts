/** Runs bundled files of tests one after the other, by vitest's runner, and says what did not pass: `run.js FILE…`. */
import { pathToFileURL } from 'node:url';
import { startTests } from 'vitest/internal/browser';

type Runner = Parameters<typeof startTests>[1];
type Task = Awaited<ReturnType<typeof startTests>>[number]['tasks'][number];
type Result = { state?: string; note?: string; errors?: { message: string; stack?: string }[] } | undefined;

/** As the project `root` has it, but for a processor that is twenty times as slow. */
const config = {
  ...{ root: process.cwd(), testTimeout: 300_000, hookTimeout: 300_000, maxConcurrency: 1, tags: [] },
  ...{ retry: 0, repeats: 0, sequence: { hooks: 'stack', concurrent: false, shuffle: false, seed: 1 } },
};
const counts: Record<string, number> = {};

const runner = {
  config,
  importFile: (file: string) => import(pathToFileURL(file).href),
  onAfterRunTask: report,
} as unknown as Runner;

for (const path of process.argv.slice(2)) {
  const began = performance.now();
  const [file] = await startTests([path], runner);
  reportSuite(file!);
  console.log(`${file!.result?.state} ${path} (${Math.round((performance.now() - began) / 1000)} s)`);
  if (file!.result?.state === 'fail') process.exitCode = 1;
}
const summary = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
console.log(summary.join(', '));

function report(task: Task): void {
  const result: Result = task.result;
  const state = result?.state ?? 'skip';
  counts[state] = (counts[state] ?? 0) + 1;
  if (state === 'skip') console.log(`skipped: ${nameOf(task)}: ${result?.note ?? 'its file says so'}`);
  reportErrors(task);
}

/** What failed before or after the tests of a suite, which then did not run. */
function reportSuite(suite: Extract<Task, { type: 'suite' }>): void {
  reportErrors(suite);
  for (const task of suite.tasks) if (task.type === 'suite') reportSuite(task);
}

function reportErrors(task: Task): void {
  const { errors = [] }: NonNullable<Result> = task.result ?? {};
  for (const { message, stack } of errors) console.log(`failed: ${nameOf(task)}: ${stack ?? message}`);
}

function nameOf(task: Task): string {
  return task.suite ? `${nameOf(task.suite)} > ${task.name}` : task.name;
}
