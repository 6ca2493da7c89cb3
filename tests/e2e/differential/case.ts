/** A conversation that two API servers should answer alike. */
import type { ApiEndpoint } from '../../../src/kube/client/kubeconfig.ts';
import { type Answer, type Exchange, exchange, exchangeUntil, type Json } from './exchange.ts';
import { normalForm, normalText } from './normal-form.ts';

/** An exchange, or what makes one of the answers before it, none of which is in normal form. */
export type Step = Exchange | ((earlier: Answer[]) => Exchange);

export interface Case {
  name: string;
  steps: Step[];
  /** `result`: of an error its code and reason, not the words; `code`: nothing else of any answer. */
  compares?: 'all' | 'result' | 'code';
}

export interface Heard {
  request: string;
  answer: unknown;
}

const get = (endpoint: ApiEndpoint, path: string) => exchange(endpoint, { method: 'GET', path });

/** A namespace with what controllers put there, without which no pod is let in. */
async function createNamespace(endpoint: ApiEndpoint, name: string): Promise<void> {
  const body = { metadata: { name } };
  await exchange(endpoint, { method: 'POST', path: '/api/v1/namespaces', body });
  const of = `/api/v1/namespaces/${name}`;
  for (const path of [`${of}/serviceaccounts/default`, `${of}/configmaps/kube-root-ca.crt`]) {
    while ((await get(endpoint, path)).status !== 200) await new Promise((next) => setTimeout(next, 50));
  }
}

function heard({ compares = 'all' }: Case, answer: Answer): unknown {
  const { status, warnings, body } = normalForm(answer);
  if (compares === 'all') return { status, warnings, body };
  const { reason, kind } = (body ?? {}) as Json;
  if (compares === 'code') return { status };
  return kind === 'Status' ? { status, reason } : { status, body };
}

const longestPath = 140;

function normalPath(path: string): string {
  const same = normalText(path)
    .replace(/resourceVersion=\d\d+/, 'resourceVersion=<revision>')
    .replace(/continue=ey[\w-]+/, 'continue=<token>');
  return same.length > longestPath ? `${same.slice(0, longestPath)}…` : same;
}

/** What a server answers, in an own namespace, which goes afterwards. */
export async function converse(endpoint: ApiEndpoint, ns: string, of: Case): Promise<Heard[]> {
  await createNamespace(endpoint, ns);
  const answers: Answer[] = [];
  const result: Heard[] = [];
  for (const step of of.steps) {
    const asked = typeof step === 'function' ? step(answers) : step;
    const sent: Exchange = JSON.parse(JSON.stringify(asked).replaceAll('{ns}', ns));
    const answer = await exchangeUntil(endpoint, sent);
    answers.push(answer);
    result.push({ request: `${asked.method} ${normalPath(asked.path)}`, answer: heard(of, answer) });
  }
  await exchange(endpoint, { method: 'DELETE', path: `/api/v1/namespaces/${ns}` });
  return result;
}
