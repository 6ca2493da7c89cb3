/** Kubernetes' JSONPath, as printer columns use it: `.spec.a`, `['b']`, `[0]`, `[-1]`, `[*]`, `[?(@.type=="Ready")]`, `..a`. */
import { isJsonObject } from '../json.ts';

type Step = (values: readonly unknown[]) => unknown[];

const present = (value: unknown) => value !== undefined;

const member =
  (key: string): Step =>
  (values) =>
    values.map((v) => (isJsonObject(v) && Object.hasOwn(v, key) ? v[key] : undefined)).filter(present);

const everything: Step = (values) =>
  values.flatMap((v): unknown[] => (Array.isArray(v) ? v : isJsonObject(v) ? Object.values(v) : []));

function slice(from: string, to: string | undefined): Step {
  const index = Number(from || 0);
  if (to === undefined)
    return (values) => values.map((v) => (Array.isArray(v) ? v.at(index) : undefined)).filter(present);
  return (values) =>
    values.flatMap((v) => (Array.isArray(v) ? v.slice(index, to === '' ? undefined : Number(to)) : []));
}

function deep(key: string): Step {
  const find = (value: unknown): unknown[] => {
    const inner = everything([value]).flatMap(find);
    return [...member(key)([value]), ...inner];
  };
  return (values) => values.flatMap(find);
}

const comparisons: Record<string, (a: never, b: never) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function literal(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/.exec(text);
  if (quoted !== null) return quoted[2];
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : undefined;
}

/** `@.type=="Ready"`, `@.port`; undefined for what does not parse. */
function filter(expression: string): Step | undefined {
  const [, path, operator, right = ''] =
    /^@((?:\.[\w-]+|\[[^\]]*\])*)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*$/.exec(expression.trim()) ?? [];
  if (path === undefined) return undefined;
  const read = path === '' ? (value: unknown) => [value] : compileJsonPath(path);
  const wanted = right.startsWith('@') ? undefined : literal(right);
  if (read === undefined) return undefined;
  const holds = (item: unknown) => {
    const [left] = read(item);
    return operator === undefined
      ? left !== undefined
      : left !== undefined && comparisons[operator]!(left as never, wanted as never);
  };
  return (values) => everything(values).filter(holds);
}

const token =
  /\.\.([\w-]+)|\.\*|\[\*\]|\.((?:[^.[\]\\]|\\.)+)|\[(['"])(.*?)\3\]|\[(-?\d*)(?:(:)(-?\d*))?\]|\[\?\((.*?)\)\]|([\s\S])/y;

function stepOf(match: RegExpExecArray): Step | undefined {
  const [text, deepKey, key, , quoted, from, colon, to, expression] = match;
  if (deepKey !== undefined) return deep(deepKey);
  if (text === '.*' || text === '[*]') return everything;
  if (key !== undefined) return member(key.replaceAll(/\\(.)/g, '$1'));
  if (quoted !== undefined) return member(quoted);
  if (from !== undefined) return slice(from, colon === undefined ? undefined : to);
  return expression === undefined ? undefined : filter(expression);
}

/** What a path finds, in order; undefined for what is no path. */
export function compileJsonPath(path: string): ((value: unknown) => unknown[]) | undefined {
  const steps: Step[] = [];
  token.lastIndex = 0;
  let at = 0;
  while (at < path.length) {
    token.lastIndex = at;
    const match = token.exec(path)!;
    at = token.lastIndex;
    const step = stepOf(match);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return (value) => steps.reduce<unknown[]>((values, step) => step(values), [value]);
}
