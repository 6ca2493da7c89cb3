import { expect, test } from 'vitest';
import { expandEnvironment } from './environment.ts';
import { tokenize } from './lexer.ts';

/** Caddy 1's cases: a text, and its words with their lines. */
test.each<[string, [number, string][]]>([
  ['host:123', [[1, 'host:123']]],
  [
    'host:123\n\n directive',
    [
      [1, 'host:123'],
      [3, 'directive'],
    ],
  ],
  [
    'host {\n\tdirective\n}',
    [
      [1, 'host'],
      [1, '{'],
      [2, 'directive'],
      [3, '}'],
    ],
  ],
  [
    'host { directive }',
    [
      [1, 'host'],
      [1, '{'],
      [1, 'directive'],
      [1, '}'],
    ],
  ],
  [
    'a {\n#comment\nb\n# comment\nc # another\n}',
    [
      [1, 'a'],
      [1, '{'],
      [3, 'b'],
      [5, 'c'],
      [6, '}'],
    ],
  ],
  [
    'a "quoted value" b\nc',
    [
      [1, 'a'],
      [1, 'quoted value'],
      [1, 'b'],
      [2, 'c'],
    ],
  ],
  [
    'A "quoted \\"value\\" inside" B',
    [
      [1, 'A'],
      [1, 'quoted "value" inside'],
      [1, 'B'],
    ],
  ],
  ['"don\'t\\escape"', [[1, "don't\\escape"]]],
  ['"don\'t\\\\escape"', [[1, "don't\\\\escape"]]],
  [
    'A "a line\n break" {\n b\n}',
    [
      [1, 'A'],
      [1, 'a line\n break'],
      [2, '{'],
      [3, 'b'],
      [4, '}'],
    ],
  ],
  ['"C:\\php\\php-cgi.exe"', [[1, 'C:\\php\\php-cgi.exe']]],
  [
    'empty "" string',
    [
      [1, 'empty'],
      [1, ''],
      [1, 'string'],
    ],
  ],
  [
    'skip\r\nCR characters',
    [
      [1, 'skip'],
      [2, 'CR'],
      [2, 'characters'],
    ],
  ],
  ['\ufeff:8080', [[1, ':8080']]],
  ['in"side', [[1, 'in"side']]],
  [
    'open "never closed',
    [
      [1, 'open'],
      [1, 'never closed'],
    ],
  ],
  ['\n \t', []],
])('words of %j', (text, expected) => {
  expect(tokenize(text, 'Corefile').map(({ at, text: word }) => [at.line, word])).toEqual(expected);
});

test.each([
  ['{$ADDRESS}', 'servername.com'],
  ['{$ADDRESS}:{$PORT}', 'servername.com:8080'],
  ['{%ADDRESS%}:{$PORT}', 'servername.com:8080'],
  ['{$ADDRESS}:{%PORT%}', 'servername.com:8080'],
  ['{%ADDRESS%}/{%PORT%}', 'servername.com/8080'],
  ['{%ADDRESS}', '{%ADDRESS}'],
  [':{$PORT$}', ':'],
  ['{$UNSET}', ''],
  ['{{ .Name }} {$PORT}', '{{ .Name }} 8080'],
  ['{$}', '{$}'],
  ['{%%}', '{%%}'],
])('the environment in %s', (text, expected) => {
  expect(expandEnvironment(text, { ADDRESS: 'servername.com', PORT: '8080' })).toBe(expected);
});
