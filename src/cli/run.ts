/** Chooses the command, prints its help or runs it, and turns errors into what a user reads and an exit status. */

import { describeError, isError, remedyOf, TendrilError } from '../util/errors.ts';
import { nearest } from '../util/suggestion.ts';
import { commands, internalCommands } from './commands.ts';
import { surviveLostOutput } from './output/lost-output.ts';
import { parseInvocation, splitArguments } from './parser/arguments.ts';
import type { Command } from './parser/command.ts';
import { commandHelp, overview } from './parser/help.ts';

/** Runs the command line (without program names); resolves with the exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  surviveLostOutput();
  let command: Command | undefined;
  try {
    const { command: word, name, help, rest } = splitArguments(argv);
    if (word === undefined || word === 'help')
      return await showHelp(word === undefined ? rest : rest.slice(0, 1), word);
    command = await loadCommand(word);
    if (help && !hasCommandBefore(rest)) return print(commandHelp(command.spec));
    return await command.run(parseInvocation(command.spec, name, rest));
  } catch (error) {
    return report(error, command);
  }
}

/** `--help` behind `--` belongs to the command that is run. */
function hasCommandBefore(rest: readonly string[]): boolean {
  const terminator = rest.indexOf('--');
  const help = rest.findIndex((word) => word === '--help' || word === '-h');
  return terminator >= 0 && terminator < help;
}

async function showHelp(words: readonly string[], asked: string | undefined): Promise<number> {
  const topic = words.find((word) => !word.startsWith('-'));
  if (topic !== undefined) return print(commandHelp((await loadCommand(topic)).spec));
  const unknown = words.find((word) => !['--help', '-h', '--version'].includes(word));
  if (unknown !== undefined)
    throw new TendrilError('USAGE', `"${unknown}" stands where a command is expected`);
  if (words.includes('--version')) return (await loadCommand('version')).run(await versionInvocation());
  const text = overview(Object.entries(commands).map(([name, { summary }]) => ({ name, summary })));
  if (asked !== undefined || words.length > 0) return print(text);
  process.stderr.write(text);
  return 2;
}

async function versionInvocation(): Promise<ReturnType<typeof parseInvocation>> {
  return parseInvocation((await loadCommand('version')).spec, '', []);
}

async function loadCommand(word: string): Promise<Command> {
  const entry = Object.hasOwn(commands, word) ? commands[word] : undefined;
  const load = entry?.load ?? (Object.hasOwn(internalCommands, word) ? internalCommands[word] : undefined);
  if (load !== undefined) return await load();
  const meant = nearest(word, Object.keys(commands));
  const remedy = meant ? `Did you mean "tendril ${meant}"?` : 'See: tendril help';
  throw new TendrilError('USAGE', `there is no command "${word}"`, { remedy });
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function report(error: unknown, command: Command | undefined): number {
  const remedy = remedyOf(error);
  process.stderr.write(`tendril: ${describeError(error)}\n${remedy ? `  ${remedy}\n` : ''}`);
  const bug = !(error instanceof TendrilError) || error.code === 'INTERNAL';
  if (bug && process.env.TENDRIL_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return command?.spec.failureStatus ?? (isError(error, 'USAGE') ? 2 : 1);
}
