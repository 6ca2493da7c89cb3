import { describe, expect, test } from 'vitest';
import { parseInvocation, splitArguments } from './arguments.ts';
import type { CommandSpec } from './command.ts';

const spec: CommandSpec = {
  name: 'try',
  summary: '',
  usage: ['try'],
  examples: [],
  words: { min: 0, max: 1 },
  takesCommand: true,
  options: {
    file: { type: 'string', short: 'f', multiple: true, help: '' },
    namespace: { type: 'string', short: 'n', help: '' },
    follow: { type: 'boolean', help: '' },
  },
};

const parse = (...argv: string[]) => parseInvocation(spec, 'lab', argv);

describe('the lab’s name', () => {
  test.each([
    { argv: ['status'], name: 'lab', rest: [] },
    { argv: ['status', '--name', 'a'], name: 'a', rest: [] },
    { argv: ['--name=a', 'status'], name: 'a', rest: [] },
    { argv: ['--name', 'a', 'status', '-o', 'json'], name: 'a', rest: ['-o', 'json'] },
    { argv: ['status', '--', '--name', 'b'], name: 'lab', rest: ['--', '--name', 'b'] },
  ])('$argv', ({ argv, name, rest }) => {
    expect(splitArguments(argv)).toMatchObject({ command: 'status', name, rest });
  });

  test('needs a value', () => {
    expect(() => splitArguments(['up', '--name'])).toThrow('--name needs a value');
    expect(() => splitArguments(['up', '--name', '--nodes'])).toThrow('--name needs a value');
  });
});

describe('options', () => {
  test('get their values, lists in order', () => {
    const { options, words } = parse('-f', 'a', '--file=b', '-f', '-', 'pod', '-n', 'shop', '--follow');
    expect(options).toEqual({ file: ['a', 'b', '-'], namespace: 'shop', follow: true });
    expect(words).toEqual(['pod']);
  });

  test('that are not given are false, undefined or empty', () => {
    expect(parse().options).toEqual({ file: [], namespace: undefined, follow: false });
  });

  test('behind -- belong to the command that is run', () => {
    expect(parse('pod', '--', 'sh', '-c', '--follow')).toMatchObject({
      words: ['pod'],
      command: ['sh', '-c', '--follow'],
      options: { follow: false },
    });
  });

  test.each([
    { argv: ['--folow'], message: 'tendril try has no option --folow' },
    { argv: ['-x'], message: 'tendril try has no option -x' },
    { argv: ['-n'], message: '-n needs a value' },
    { argv: ['-n', '--follow'], message: '-n needs a value' },
    { argv: ['--follow=yes'], message: '--follow takes no value' },
    { argv: ['a', 'b'], message: '"b" is one word too many' },
    { argv: ['--constructor'], message: 'has no option --constructor' },
  ])('$argv is refused', ({ argv, message }) => {
    expect(() => parse(...argv)).toThrow(message);
  });

  test('a mistyped option gets a suggestion', () => {
    expect(() => parse('--folow')).toThrow(
      expect.objectContaining({ remedy: 'Did you mean --follow?', code: 'USAGE' }),
    );
  });
});
