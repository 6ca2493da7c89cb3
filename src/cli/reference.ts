/** The reference of all commands, as Markdown, made of what `--help` prints. */
import { commands } from './commands.ts';
import { commandHelp } from './parser/help.ts';

export async function renderCliReference(): Promise<string> {
  const sections = await Promise.all(
    Object.values(commands).map(async ({ load }) => {
      const { spec } = await load();
      return `## tendril ${spec.name}\n\n\`\`\`\n${commandHelp(spec).trimEnd()}\n\`\`\`\n`;
    }),
  );
  return `# Commands\n\nMade from \`--help\` by \`scripts/node scripts/cli-reference.ts\`.\n\n${sections.join('\n')}`;
}
