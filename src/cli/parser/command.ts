/**
 * What a command is: a declaration of its options, from which usage, help, parsing and the types of the
 * parsed values follow, and the function that runs it.
 */
export interface OptionSpec {
  type: 'string' | 'boolean';
  short?: string;
  /** May be given several times; the value is then a list. */
  multiple?: boolean;
  /** Placeholder in the help, e.g. FILE. */
  value?: string;
  help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S['type'] extends 'boolean'
  ? boolean
  : S extends { multiple: true }
    ? string[]
    : string | undefined;

export type OptionValues<O extends OptionSpecs> = { -readonly [K in keyof O]: ValueOf<O[K]> };

export interface CommandSpec<O extends OptionSpecs = OptionSpecs> {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows `tendril` in each form of the command. */
  usage: readonly string[];
  options: O;
  /** How many words it takes besides options; unbounded where `max` is absent. */
  words: { min: number; max?: number };
  /** Takes a command after `--`. */
  takesCommand?: boolean;
  examples: readonly string[];
  /** Exit status of Tendril's own failures, usage errors included, where 1 and 2 could be the command's. */
  failureStatus?: number;
}

export interface Invocation<O extends OptionSpecs = OptionSpecs> {
  /** The lab's name: --name, or `lab`. */
  name: string;
  options: OptionValues<O>;
  words: string[];
  /** What stands after `--`; empty when nothing does. */
  command: string[];
}

export interface Command {
  readonly spec: CommandSpec;
  /** Resolves with the exit status. */
  run(invocation: Invocation): Promise<number>;
}

/** Ties a declaration to its function, which then sees each option with the type that the declaration gives it. */
export function defineCommand<const O extends OptionSpecs>(
  spec: CommandSpec<O>,
  run: (invocation: Invocation<O>) => Promise<number>,
): Command {
  return { spec, run: run as unknown as Command['run'] };
}
