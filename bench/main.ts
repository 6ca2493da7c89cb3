/**
 * Runs bench entries: `npm run bench -- [NAME…] [--json]`. Each file beside this one, except this, is one entry: it
 * exports `run(report)` and measures ours and, where there is one, a real peer, interleaved in the same run.
 */
import { readdirSync } from 'node:fs';
import { createReporter } from './report.ts';

export interface BenchEntry {
  /** One sentence: what is claimed. */
  claim: string;
  run(report: ReturnType<typeof createReporter>): Promise<void>;
}

const helpers = new Set(['main', 'report']);
const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !helpers.has(name));

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no bench entry ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : known) {
  const entry = (await import(`./${name}.ts`)) as BenchEntry;
  if (!json) console.log(`${name}: ${entry.claim}`);
  await entry.run(createReporter({ json }));
}
