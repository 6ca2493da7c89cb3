/**
 * Go's text/template, as far as CoreDNS's users write it: fields, variables, pipelines, the functions of
 * `go-functions.ts`, if, with, range, comments and trimmed white space. Not: define, block, template, break, continue.
 */
import { functions, holds, printed, type Value } from './go-functions.ts';

export type GoTemplate = (data: Value) => string;

interface Scope {
  /** What `.` is. */
  dot: Value;
  variables: Map<string, Value>;
}

type Node = (scope: Scope) => string;
type Expression = (scope: Scope) => Value;

/** @throws Error saying what is wrong with the text; the template throws where it cannot be carried out */
export function compileTemplate(text: string): GoTemplate {
  const pieces = split(text);
  const [nodes, end] = readNodes(pieces);
  if (end !== undefined) throw new Error(`"${end}" closes nothing`);
  return (data) => {
    const scope: Scope = { dot: data, variables: new Map([['$', data]]) };
    return nodes.map((node) => node(scope)).join('');
  };
}

interface Piece {
  action: boolean;
  text: string;
}

function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  const pattern =
    /\{\{(- )?\s*((?:"(?:\\.|[^"\\])*"|`[^`]*`|\/\*[\s\S]*?\*\/|(?!\}\}| -\}\})[\s\S])*?)\s*( -)?\}\}/g;
  let at = 0;
  let trim = false;
  const literal = (raw: string, trimEnd: boolean) => {
    const start = trim ? raw.trimStart() : raw;
    pieces.push({ action: false, text: trimEnd ? start.trimEnd() : start });
  };
  for (const match of text.matchAll(pattern)) {
    literal(text.slice(at, match.index), match[1] !== undefined);
    if (!match[2]!.startsWith('/*')) pieces.push({ action: true, text: match[2]! });
    trim = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  const rest = text.slice(at);
  if (rest.includes('{{')) throw new Error('an action is not closed with }}');
  literal(rest, false);
  return pieces;
}

/** The nodes up to what ends them: `end`, `else …`, or nothing. Takes the pieces that it reads. */
function readNodes(pieces: Piece[]): [Node[], string | undefined] {
  const nodes: Node[] = [];
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    const { action, text } = piece;
    if (!action) nodes.push(() => text);
    else if (text === 'end' || /^else\b/.test(text)) return [nodes, text];
    else nodes.push(readAction(text, pieces));
  }
  return [nodes, undefined];
}

function readAction(text: string, pieces: Piece[]): Node {
  const [, keyword, rest = ''] = /^(if|with|range)\b\s*(.*)$/s.exec(text) ?? [];
  if (keyword !== undefined) return readBlock(keyword, rest, pieces);
  const assigned = /^(\$\w+)\s*:?=\s*(.*)$/s.exec(text);
  if (assigned === null) {
    const value = pipeline(text);
    return (scope) => printed(value(scope));
  }
  const value = pipeline(assigned[2]!);
  return (scope) => {
    scope.variables.set(assigned[1]!, value(scope));
    return '';
  };
}

function readBlock(keyword: string, condition: string, pieces: Piece[]): Node {
  const value = pipeline(condition);
  const [body, ending] = readNodes(pieces);
  let otherwise: Node[] = [];
  const chained = /^else\s+(if|with)\b\s*(.*)$/s.exec(ending ?? '');
  if (chained !== null) otherwise = [readBlock(chained[1]!, chained[2]!, pieces)];
  else if (ending === 'else') {
    const [nodes, last] = readNodes(pieces);
    if (last !== 'end') throw new Error(`${keyword} has no end`);
    otherwise = nodes;
  } else if (ending !== 'end') throw new Error(`${keyword} has no end`);
  const run = (nodes: Node[], scope: Scope) => nodes.map((node) => node(scope)).join('');
  return (scope) => {
    const found = value(scope);
    if (!holds(found)) return run(otherwise, scope);
    if (keyword === 'if') return run(body, scope);
    const each =
      keyword === 'with'
        ? [found]
        : Array.isArray(found)
          ? found
          : found instanceof Map
            ? [...found.values()]
            : [];
    return each.map((dot: Value) => run(body, { ...scope, dot })).join('');
  };
}

/** Words of an expression: strings, numbers, names, fields, parentheses, bars. */
const wordPattern = /\s+|"(?:\\.|[^"\\])*"|`[^`]*`|[()|]|-?\d[\w.]*|\$?\w*(?:\.\w+)+|\$\w*|\w+|\./gy;

function pipeline(text: string): Expression {
  const words = [...text.matchAll(wordPattern)].map(([word]) => word);
  if (words.join('').length !== text.length) throw new Error(`"${text}" is no expression`);
  const left = words.filter((word) => word.trim() !== '');
  const value = readPipeline(left);
  if (left.length > 0) throw new Error(`"${left[0]}" is too much in "${text}"`);
  return value;
}

/** Commands joined by bars: what one gives is the last argument of the next. */
function readPipeline(words: string[]): Expression {
  let value = readCommand(words);
  while (words[0] === '|') {
    words.shift();
    value = readCommand(words, value);
  }
  return value;
}

function readCommand(words: string[], piped?: Expression): Expression {
  const [first] = words;
  if (first === undefined) throw new Error('an expression is missing');
  const called = Object.hasOwn(functions, first) ? functions[first]! : undefined;
  if (called !== undefined) words.shift();
  const operands: Expression[] = [];
  while (words.length > 0 && words[0] !== '|' && words[0] !== ')') operands.push(readOperand(words));
  if (piped !== undefined) operands.push(piped);
  if (called !== undefined) {
    const least = leastArguments[first] ?? 0;
    if (operands.length < least) throw new Error(`${first} takes ${least} argument(s)`);
    return (scope) => called(...operands.map((operand) => operand(scope)));
  }
  const [operand, ...args] = operands as [Expression, ...Expression[]];
  if (args.length === 0) return operand;
  return (scope) =>
    call(
      operand(scope),
      args.map((one) => one(scope)),
    );
}

const leastArguments: Readonly<Record<string, number>> = {
  parseInt: 3,
  index: 1,
  len: 1,
  not: 1,
  printf: 1,
  eq: 2,
  ne: 2,
  lt: 2,
  le: 2,
  gt: 2,
  ge: 2,
};

function call(target: unknown, args: Value[]): Value {
  if (typeof target !== 'function') throw new Error(`${printed(target as Value)} is no function`);
  return (target as (...args: Value[]) => Value)(...args);
}

function readOperand(words: string[]): Expression {
  const word = words.shift()!;
  if (word === '(') {
    const value = readPipeline(words);
    if (words.shift() !== ')') throw new Error('a parenthesis is not closed');
    return value;
  }
  if (word.startsWith('"')) return constant(JSON.parse(word) as string);
  if (word.startsWith('`')) return constant(word.slice(1, -1));
  if (/^-?\d/.test(word)) return constant(numberOf(word));
  if (word === 'true' || word === 'false') return constant(word === 'true');
  if (word === 'nil') return constant(null);
  const [root, ...fields] = word.split('.') as [string, ...string[]];
  if (root.startsWith('$')) return (scope) => fieldsOf(variable(scope, root), fields);
  if (root !== '') throw new Error(`function "${word}" is not there`);
  return (scope) =>
    fieldsOf(
      scope.dot,
      fields.filter((field) => field !== ''),
    );
}

const constant =
  (value: Value): Expression =>
  () =>
    value;

function numberOf(word: string): number {
  const value = Number(word);
  if (Number.isNaN(value)) throw new Error(`"${word}" is no number`);
  return value;
}

function variable({ variables }: Scope, name: string): Value {
  const value = variables.get(name);
  if (value === undefined) throw new Error(`the variable ${name} is not there`);
  return value;
}

function fieldsOf(value: Value, fields: readonly string[]): Value {
  return fields.reduce<Value>((of, field) => {
    if (of instanceof Map) return of.get(field) ?? '';
    if (of === null || typeof of !== 'object' || Array.isArray(of) || !Object.hasOwn(of, field))
      throw new Error(`there is no field ${field}`);
    return (of as Record<string, Value>)[field]!;
  }, value);
}
