/** Turns the words of the command line into an Invocation, by the command's declaration. */
import { parseArgs } from 'node:util';
import { TendrilError } from '../../util/errors.ts';
import { nearest } from '../../util/suggestion.ts';
import type { CommandSpec, Invocation, OptionSpec } from './command.ts';
import { everywhere } from './common-options.ts';

const defaultLabName = 'lab';

export interface GlobalArguments {
  command: string | undefined;
  name: string;
  help: boolean;
  /** Everything but the command word and --name. */
  rest: string[];
}

/**
 * Finds the command's word and `--name`, which may stand anywhere before `--`, also before the command.
 * @throws TendrilError USAGE when --name has no value
 */
export function splitArguments(argv: readonly string[]): GlobalArguments {
  const end = argv.indexOf('--');
  const before = end < 0 ? [...argv] : argv.slice(0, end);
  const after = end < 0 ? [] : argv.slice(end);
  let name = defaultLabName;
  const rest: string[] = [];
  for (let i = 0; i < before.length; i++) {
    const word = before[i]!;
    if (word === '--name') name = requireValue('--name', before[++i]);
    else if (word.startsWith('--name=')) name = requireValue('--name', word.slice('--name='.length));
    else rest.push(word);
  }
  const first = rest[0];
  const command = first === undefined || first.startsWith('-') ? undefined : rest.shift();
  const help = rest.includes('--help') || rest.includes('-h');
  return { command, name, help, rest: [...rest, ...after] };
}

function requireValue(option: string, value: string | undefined): string {
  if (value === undefined || value === '' || (value.startsWith('-') && value.length > 1)) {
    throw new TendrilError('USAGE', `${option} needs a value`);
  }
  return value;
}

/** @throws TendrilError USAGE naming the option or word that does not fit */
export function parseInvocation(spec: CommandSpec, name: string, argv: readonly string[]): Invocation {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: parserOptions(spec),
  });
  const options = emptyValues(spec);
  const words: string[] = [];
  const command: string[] = [];
  let terminated = false;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') terminated = true;
    else if (token.kind === 'positional')
      (terminated && spec.takesCommand ? command : words).push(token.value);
    else storeOption(spec, options, token);
  }
  checkWords(spec, words);
  return { name, options, words, command };
}

/** The form that node:util's parser takes. */
function parserOptions(
  spec: CommandSpec,
): Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> {
  return Object.fromEntries(
    Object.entries(spec.options).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, multiple, ...(short === undefined ? {} : { short }) },
    ]),
  );
}

type Values = Record<string, string | boolean | string[] | undefined>;

function emptyValues(spec: CommandSpec): Invocation['options'] {
  const values: Values = {};
  for (const [name, option] of Object.entries(spec.options)) {
    values[name] = option.type === 'boolean' ? false : option.multiple ? [] : undefined;
  }
  return values as Invocation['options'];
}

interface OptionToken {
  name: string;
  rawName: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}

function storeOption(spec: CommandSpec, options: Invocation['options'], token: OptionToken): void {
  const option: OptionSpec | undefined = Object.hasOwn(spec.options, token.name)
    ? spec.options[token.name]
    : undefined;
  if (option === undefined) throw unknownOption(spec, token.rawName);
  const values = options as Values;
  if (option.type === 'boolean') {
    if (token.value !== undefined) throw new TendrilError('USAGE', `${token.rawName} takes no value`);
    values[token.name] = true;
    return;
  }
  const value = token.inlineValue ? (token.value ?? '') : requireValue(token.rawName, token.value);
  if (option.multiple) (values[token.name] as string[]).push(value);
  else values[token.name] = value;
}

function unknownOption(spec: CommandSpec, given: string): TendrilError {
  const known = Object.keys({ ...spec.options, ...everywhere });
  const meant = nearest(given.replace(/^-+/, ''), known);
  const remedy = meant ? `Did you mean --${meant}?` : `See: tendril ${spec.name} --help`;
  return new TendrilError('USAGE', `tendril ${spec.name} has no option ${given}`, { remedy });
}

function checkWords(spec: CommandSpec, words: readonly string[]): void {
  const { min, max = Number.POSITIVE_INFINITY } = spec.words;
  if (words.length >= min && words.length <= max) return;
  const what = words.length < min ? 'something is missing' : `"${words[max]}" is one word too many`;
  throw new TendrilError('USAGE', `${what}; usage: tendril ${spec.usage.join('\n       tendril ')}`);
}
