/** The text of `tendril help` and of `tendril COMMAND --help`. */
import type { CommandSpec, OptionSpec } from './command.ts';
import { everywhere } from './common-options.ts';

export function commandHelp(spec: CommandSpec): string {
  const forms = spec.usage.map((form) => `  tendril ${form}`);
  const all: Record<string, OptionSpec> = { ...spec.options, ...everywhere };
  const options = Object.entries(all).map(([name, option]) => [optionForm(name, option), option.help]);
  return [
    `${spec.summary}\n`,
    'Usage:',
    ...forms,
    '\nOptions:',
    ...columns(options),
    '\nExamples:',
    ...spec.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

export function overview(commands: readonly { name: string; summary: string }[]): string {
  return [
    'Tendril brings up the network of a Kubernetes cluster on one machine.\n',
    'Usage:',
    '  tendril COMMAND [OPTIONS]\n',
    'Commands:',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '\ntendril COMMAND --help tells more of each. Exit status: 0 done, 1 failed, 2 usage.',
    '',
  ].join('\n');
}

function optionForm(name: string, option: OptionSpec): string {
  const short = option.short ? `-${option.short}, ` : '    ';
  const value = option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : '';
  return `${short}--${name}${value}`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `  ${left!.padEnd(width)}  ${right}`);
}
