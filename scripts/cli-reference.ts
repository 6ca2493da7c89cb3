/** Writes docs/reference/cli.md from the commands' own declarations: `scripts/node scripts/cli-reference.ts`. */
import { writeFileSync } from 'node:fs';
import { renderCliReference } from '../src/cli/reference.ts';

writeFileSync(new URL('../docs/reference/cli.md', import.meta.url), await renderCliReference());
