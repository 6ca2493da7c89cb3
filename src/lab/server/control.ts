/** Answers the command line's questions on the lab's control socket: HTTP with JSON, for root only. */
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { describeError, isError } from '../../util/errors.ts';
import type { LabStatus } from './control-protocol.ts';

export interface ControlAnswers {
  status(): Promise<LabStatus>;
  /** Waits until every Service is in force on every node; what is missing when the time is over. */
  programmed(timeoutMs: number): Promise<{ missing: string[] }>;
  /** What a node's agent answers at a path. @throws TendrilError BAD_INPUT for a node that there is not */
  agent(node: string, path: string): Promise<unknown>;
}

/** Resolves when it listens. */
export function startControl(socketPath: string, answers: ControlAnswers): Promise<Server> {
  const server = createServer((request, response) => {
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    answer(new URL(request.url ?? '/', 'http://control'), answers).then(
      (body) => (body === undefined ? send(404, { error: `nothing at ${request.url}` }) : send(200, body)),
      (error) => send(isError(error, 'BAD_INPUT') ? 400 : 500, { error: describeError(error) }),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      chmodSync(socketPath, 0o600);
      resolve(server);
    });
  });
}

async function answer({ pathname, search, searchParams }: URL, answers: ControlAnswers): Promise<unknown> {
  const what = pathname.slice(1);
  if (what === 'alive') return {};
  if (what === 'status') return await answers.status();
  if (what === 'programmed') return await answers.programmed(Number(searchParams.get('timeoutMs') ?? 5_000));
  const [, node, path] = /^agents\/([^/]+)(\/.*)$/.exec(what) ?? [];
  if (node !== undefined) return await answers.agent(node, `${path}${search}`);
  return undefined;
}
