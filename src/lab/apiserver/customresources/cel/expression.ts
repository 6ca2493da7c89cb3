/** One expression: parsed, checked for what it comes to, and evaluated. */
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { goRegExp } from '../schema/patterns.ts';
import { type CostBudget, meter, metered, OutOfBudget } from './cost.ts';
import { estimateCost } from './estimate/estimate.ts';
import type { SizedType } from './estimate/sized-type.ts';
import { type CelType, hasMacro, type Node } from './library/macros.ts';
import type { Rewritten } from './message-syntax.ts';
import { parseDuration, parseTimestamp } from './time.ts';

export interface Expression {
  /** Whether it reads the variable. */
  uses(variable: string): boolean;
  /**
   * Throws ExpressionError: what went wrong, in words of the language; its cause is CostExceeded where it took too long.
   * Throws OutOfBudget where the budget does not last.
   */
  evaluate(variables: Record<string, unknown>, budget?: CostBudget): unknown;
  /** What it costs at most where `self` is of the type. */
  estimate(self: SizedType): number;
}

export class ExpressionError extends Error {}

/** As the environment's errors say what they are and where. */
interface Located extends Error {
  code?: string;
  summary?: string;
  range?: { start: number };
  node?: SyntaxNode;
}

interface Checker {
  objectTypes: ReadonlyMap<string, { fields?: Record<string, unknown> }>;
  check(node: Node, scope: unknown): CelType;
  createError(code: string, message: string, node: Node): Error;
}

interface SyntaxNode extends Node {
  start: number;
  end: number;
  meta: { check: (checker: Checker, node: SyntaxNode, scope: unknown) => CelType };
  setMeta(key: string, value: unknown): void;
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

function visit(value: unknown, see: (node: SyntaxNode) => void): void {
  if (Array.isArray(value)) for (const part of value) visit(part, see);
  if (!isNode(value)) return;
  see(value);
  visit(value.args, see);
}

function problemAt(node: SyntaxNode, message: string): ExpressionError {
  return Object.assign(new ExpressionError(message), { range: { start: node.start } });
}

function patternProblem(text: string): string | undefined {
  try {
    goRegExp(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const unparsed = (text: string, value: unknown) =>
  value === undefined ? `cannot parse ${JSON.stringify(text)}` : undefined;

/** Functions whose argument has to be right where it is written out: which one, and what may be wrong with it. */
const literals: Record<string, { argument: number; problem: (text: string) => string | undefined }> = {
  'call duration': { argument: 0, problem: (text) => unparsed(text, parseDuration(text)) },
  'call timestamp': { argument: 0, problem: (text) => unparsed(text, parseTimestamp(text)) },
  'call matches': { argument: 1, problem: patternProblem },
  'rcall matches': { argument: 0, problem: patternProblem },
  'rcall find': { argument: 0, problem: patternProblem },
  'rcall findAll': { argument: 0, problem: patternProblem },
};

/** What the environment has under another name, or another thing under this one. */
const renamed: Record<string, string> = {
  matches: 'matchesGo',
  upperAscii: 'asciiUpper',
  lowerAscii: 'asciiLower',
};

function adaptCall(node: SyntaxNode, text: string): void {
  const parts = node.args as [string, ...unknown[]];
  const [name] = parts;
  const args = parts.at(-1) as Node[];
  const rule = literals[`${node.op} ${name}`];
  const literal = rule && args[rule.argument];
  if (isNode(literal) && literal.op === 'value' && typeof literal.args === 'string') {
    const problem = rule!.problem(literal.args);
    if (problem !== undefined) throw problemAt(literal, `invalid ${name} argument: ${problem}`);
  }
  if (node.op === 'call' && name === 'has' && args.length === 1 && args[0]!.op === '.') {
    node.setMeta('macro', hasMacro(args[0]!));
    // What is wrong with the field is said of the macro.
    Object.assign(args[0]!, { pos: text.indexOf('(', node.start) });
  }
  if (Object.hasOwn(renamed, name)) parts[0] = renamed[name]!;
}

/** Only fields that there may be are asked for, also where one asks whether there are. */
function adaptOptionalField(node: SyntaxNode): void {
  const { check } = node.meta;
  const [operand, field] = node.args as [Node, string];
  node.setMeta('check', (checker: Checker, ast: SyntaxNode, scope: unknown) => {
    const type = checker.check(operand, scope);
    const name = type.kind === 'optional' ? type.valueType?.name : type.name;
    const fields = checker.objectTypes.get(name ?? '')?.fields;
    if (fields !== undefined && fields[field] === undefined)
      throw checker.createError('no_such_key', `No such key: ${field}`, ast);
    return check(checker, ast, scope);
  });
}

/** Puts Kubernetes' meaning in the place of the environment's own. */
function adapt(node: SyntaxNode, text: string): void {
  if (node.op === 'call' || node.op === 'rcall') adaptCall(node, text);
  if (node.op === '.?') adaptOptionalField(node);
  if (node.op === 'id' && node.args === 'cel')
    throw problemAt(node, "undeclared reference to 'cel' (in container '')");
}

/** `list<int>` as cel-go writes it: list(int). */
export const typeText = (type: string) =>
  type
    .replaceAll('<', '(')
    .replaceAll('>', ')')
    .replaceAll(/\bgoogle\.protobuf\.(Timestamp|Duration)\b/g, (_, name: string) => name.toLowerCase());

/** What does not fit, and with what. */
function overloadText(text: string): string {
  const binary = /^no such overload: (.+) (\S+) (.+)$/.exec(text);
  if (binary !== null)
    return `found no matching overload for '_${binary[2]}_' applied to '(${typeText(binary[1]!)}, ${typeText(binary[3]!)})'`;
  const call = /^found no matching overload for '(?:(.+)\.)?(\w+)\((.*)\)'$/.exec(text);
  if (call === null) return text;
  const receiver = call[1] === undefined ? '' : `${typeText(call[1])}.`;
  return `found no matching overload for '${call[2]}' applied to '${receiver}(${typeText(call[3]!)})'`;
}

/** The language's words for errors that the environment has its own for. */
function wordsOf({ code, summary, message }: Located, checking: boolean): string {
  let text = (summary ?? message).replaceAll(/\bdyn<([^<>]*)>/g, '$1');
  for (const [name, other] of Object.entries(renamed)) text = text.replaceAll(other, name);
  if (checking && /^no_(such|matching)_overload$/.test(code ?? '')) return overloadText(text);
  if (checking && code === 'no_such_key') return text.replace(/^No such key: (.*)$/, "undefined field '$1'");
  if (code === 'cannot_index_type')
    return text.replace(/^Cannot index type '(.*)'$/, "type '$1' does not support field selection");
  if (code === 'unknown_variable')
    return text.replace(/^Unknown variable: (.*)$/, "undeclared reference to '$1' (in container '')");
  if (!checking && /^no_(such|matching)_overload$/.test(code ?? '')) return 'no such overload';
  return text
    .replace(/^No such key: index out of bounds, index (\S+).*$/, 'index out of bounds: $1')
    .replace(/^No such key/, 'no such key');
}

/** At the operator, the dot of a field, the parenthesis of a call. */
function positionOf({ code, node, range }: Located, source: string): number {
  const start = range?.start ?? 0;
  if (code === 'no_such_key' || code === 'cannot_index_type')
    return start - (/\.\??$/.exec(source.slice(0, start))?.[0].length ?? 0);
  if (!/^no_(such|matching)_overload$/.test(code ?? '') || !Array.isArray(node?.args)) return start;
  const operand: unknown = node.op === 'rcall' ? node.args[1] : node.args[0];
  const at = isNode(operand) ? source.indexOf(node.op === 'rcall' ? '(' : node.op, operand.end) : -1;
  return at < 0 ? start : at;
}

/** As cel-go shows an error: with the line and a mark below. */
function located(error: Located, source: string, { text, positionOf: originally }: Rewritten): string {
  const before = source.slice(0, originally(positionOf(error, text))).split('\n');
  const column = before.at(-1)!.length;
  const line = source.split('\n')[before.length - 1] ?? '';
  const position = `${before.length}:${column + 1}`;
  return `ERROR: <input>:${position}: ${wordsOf(error, true)}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

const wrongType = {
  bool: 'cel expression must evaluate to a bool',
  string: 'messageExpression must evaluate to a string',
};

export interface TypedExpression {
  expression: Expression;
  /** What it comes to, as the environment names it: `bool`, `list<string>`, `dyn` where that is not known. */
  type: string;
}

const asWritten = (source: string): Rewritten => ({ text: source, types: new Set(), positionOf: (at) => at });

class TypeErrors extends Error {
  readonly all: Located[];

  constructor(all: Located[]) {
    super('types do not fit');
    this.all = all;
  }
}

type Parsed = ReturnType<Environment['parse']>;

function dynType(environment: Environment): unknown {
  const parsed = environment.parse('dyn(1)');
  parsed.check();
  return (parsed.ast as { checkedType?: unknown }).checkedType;
}

/**
 * All that does not fit is told at once, as cel-go does: a part that is wrong may be anything to the rest. Throws TypeErrors,
 * in the order of the text.
 */
function checkedType(environment: Environment, parsed: Parsed): string {
  const errors: Located[] = [];
  const wrong = new Set<SyntaxNode>();
  for (;;) {
    const { valid, type, error } = parsed.check() as { valid: boolean; type?: string; error: Located };
    if (valid && errors.length === 0) return type!;
    if (valid) break;
    errors.push(error);
    const { node } = error;
    if (node === undefined || wrong.has(node)) break;
    wrong.add(node);
    Object.assign(node, { checkedType: dynType(environment) });
  }
  throw new TypeErrors(errors.sort((a, b) => (a.range?.start ?? 0) - (b.range?.start ?? 0)));
}

/** `read` is the source as the environment takes it. Throws ExpressionError where it does not parse or its types do not fit. */
export function compileTyped(
  environment: Environment,
  source: string,
  read: Rewritten = asWritten(source),
): TypedExpression {
  const names = new Set<string>();
  let parsed: ReturnType<Environment['parse']>;
  let type: string;
  try {
    parsed = environment.parse(read.text);
    const nodes: SyntaxNode[] = [];
    visit(parsed.ast, (node) => {
      if (node.op === 'id') names.add(node.args as string);
      adapt(node, read.text);
      nodes.push(node);
    });
    type = checkedType(environment, parsed);
    meter(nodes as never);
  } catch (error) {
    const problems = error instanceof TypeErrors ? error.all : [error as Located];
    const texts = problems.map((problem) => located(problem, source, read));
    throw new ExpressionError(`compilation failed: ${texts.join('\n')}`);
  }
  const expression: Expression = {
    uses: (variable) => names.has(variable),
    estimate: (self) => estimateCost(parsed.ast as never, self),
    evaluate(variables, budget) {
      try {
        return metered(() => parsed(variables), budget);
      } catch (error) {
        if (error instanceof OutOfBudget) throw error;
        throw new ExpressionError(wordsOf(error as Located, false), { cause: error });
      }
    },
  };
  return { expression, type };
}

/** The same for a rule of a schema. Throws ExpressionError also where it comes to another type. */
export function compileExpression(
  environment: Environment,
  source: string,
  type: 'bool' | 'string',
): Expression {
  const compiled = compileTyped(environment, source);
  if (compiled.type !== type) throw new ExpressionError(wrongType[type]);
  return compiled.expression;
}
