/** The licences of what is bundled into dist/, whose terms are that their text goes along. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The part of esbuild's metafile that tells which files went into the bundle. */
export interface Bundled {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

/**
 * One section for each npm package and each vendored folder (one with a NOTICE) of which something is in the bundle.
 * @throws Error for a package without a licence file: it must not be shipped unnoticed
 */
export function renderNotices({ outputs }: Bundled, root = '.'): string {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const packages = new Set(inputs.flatMap((input) => packageOf(input) ?? []));
  const vendored = new Set(
    inputs
      .filter((input) => packageOf(input) === undefined && existsSync(noticeOf(root, input)))
      .map(dirname),
  );
  const sections = [
    ...[...packages].sort().map((directory) => packageSection(join(root, directory))),
    ...[...vendored]
      .sort()
      .map((directory) => section(directory, readFileSync(join(root, directory, 'NOTICE'), 'utf8'))),
  ];
  return `Tendril's bundle holds parts of other works, under the licences below.\n\n${sections.join('\n')}`;
}

const noticeOf = (root: string, input: string): string => join(root, dirname(input), 'NOTICE');

/** `node_modules/yaml`, also for packages within packages; undefined for the project's own files. */
function packageOf(input: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

function packageSection(directory: string): string {
  const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (files.length === 0) throw new Error(`${name} is bundled and has no licence file`);
  const texts = files.sort().map((file) => readFileSync(join(directory, file), 'utf8'));
  return section(`${name} ${version}`, texts.join('\n'));
}

const section = (title: string, text: string): string =>
  `${title}\n${'-'.repeat(title.length)}\n\n${text.trim()}\n`;
