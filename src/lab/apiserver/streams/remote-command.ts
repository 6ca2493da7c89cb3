/** exec and attach: a client's streams joined to a process, and how it ended told on the error stream. */
import { type Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describeError } from '../../../util/errors.ts';
import type { RemoteProcess, TerminalSize } from './pod-streams.ts';

/** The client's ends; those that it did not ask for are missing. */
export interface ClientStreams {
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  /** JSON objects `{"Width":…,"Height":…}`. */
  resize: Readable | undefined;
  error: Writable;
  readonly closed: Promise<void>;
  close(): void;
}

/** What a session runs, and how its end is worded. */
export interface CommandSession {
  begin: () => Promise<RemoteProcess>;
  /** `error executing command in container`, … */
  failure: string;
  /** Of an exit status other than 0. */
  describeExit: (code: number) => string;
}

/** As metav1.Status is written here: without kind and version. */
interface EndStatus {
  metadata: object;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes: { reason: string; message: string }[] };
  code?: number;
}

function failed(message: string): EndStatus {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    code: 500,
  };
}

function exited(code: number, described: string): EndStatus {
  if (code === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: ${described}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

/** `json`: the protocols from version 4 on; those before tell failures alone, as text. */
function encodeStatus(status: EndStatus, json: boolean): string {
  if (json) return JSON.stringify(status);
  return status.status === 'Success' ? '' : status.message!;
}

/** Runs until the process has ended or the client has gone. Never throws. */
export async function serveCommand(
  client: ClientStreams,
  session: CommandSession,
  { jsonStatus }: { jsonStatus: boolean },
): Promise<void> {
  const status = await run(client, session).catch((error: unknown) =>
    failed(`${session.failure}: ${describeError(error)}`),
  );
  client.error.end(encodeStatus(status, jsonStatus));
  await finished(client.error, { readable: false }).catch(() => {});
  client.close();
}

async function run(client: ClientStreams, { begin, describeExit }: CommandSession): Promise<EndStatus> {
  const process = await begin();
  void client.closed.then(() => process.close());
  readSizes(client.resize, (size) => process.resize(size));
  if (client.stdin !== undefined) {
    process.stdin.on('error', () => client.stdin?.resume());
    client.stdin.pipe(process.stdin);
  }
  const outputs = [show(process.stdout, client.stdout), show(process.stderr, client.stderr)];
  const code = await process.exited;
  await Promise.all(outputs);
  return exited(code, describeExit(code));
}

/** Resolves when all is shown. What nobody wants is read all the same, or the process would wait for its reader. */
async function show(output: Readable, to: Writable | undefined): Promise<void> {
  const shown = to ?? new Writable({ write: (_data, _encoding, done) => done() });
  shown.once('close', () => output.resume());
  output.once('close', () => shown.end());
  output.pipe(shown);
  await finished(shown, { readable: false }).catch(() => {});
}

/** Longer than any size. */
const sizeTextMax = 1000;

function readSizes(stream: Readable | undefined, resize: (size: TerminalSize) => void): void {
  let text = '';
  stream?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    const end = text.lastIndexOf('}') + 1;
    for (const size of parseSizes(text.slice(0, end))) resize(size);
    text = text.slice(end, end + sizeTextMax);
  });
}

/** Sizes of a terminal that has any; what is no size is passed over. */
export function parseSizes(text: string): TerminalSize[] {
  return (text.match(/\{[^{}]*\}/g) ?? []).flatMap((object) => {
    try {
      const { Width: columns, Height: rows } = JSON.parse(object) as { Width: number; Height: number };
      const isSize = (n: number) => Number.isInteger(n) && n > 0 && n <= 0xffff;
      return isSize(columns) && isSize(rows) ? [{ columns, rows }] : [];
    } catch {
      return [];
    }
  });
}
