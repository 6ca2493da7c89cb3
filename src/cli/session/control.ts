/** Questions to a lab's server over its control socket. */
import { type IncomingMessage, request } from 'node:http';
import { basename, dirname } from 'node:path';
import { TendrilError } from '../../util/errors.ts';

/**
 * The JSON that the server answers a GET with.
 * @param socketPath /run/tendril/NAME/control.sock
 * @param timeoutMs for the whole answer
 * @throws TendrilError LAB_UNREACHABLE when nobody answers: the lab's server is dead or hangs; API with the server's
 * message for other failures
 */
export async function askControl<T>(socketPath: string, path: string, timeoutMs = 10_000): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  let answer: { status: number; text: string };
  try {
    answer = await exchange(socketPath, path, signal);
  } catch (error) {
    throw unreachable(basename(dirname(socketPath)), signal.aborted ? { timeoutMs } : { cause: error });
  }
  const { status, text } = answer;
  const body = JSON.parse(text) as T & { error?: string };
  if (status !== 200) throw new TendrilError('API', body.error ?? `the lab's server answered ${status}`);
  return body;
}

function exchange(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const read = async (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString() });
    };
    const call = request({ socketPath, path, signal }, (response) => void read(response).catch(reject));
    call.on('error', reject).end();
  });
}

/** Only a socket that nobody listens on tells of a death; a server that is stopped or busy keeps its own. */
function unreachable(
  lab: string,
  { timeoutMs, cause }: { timeoutMs?: number; cause?: unknown },
): TendrilError {
  const down = `Take the lab down with: tendril down --name ${lab}`;
  const fail = (message: string, remedy: string) =>
    new TendrilError('LAB_UNREACHABLE', message, { remedy, cause });
  if (timeoutMs !== undefined) {
    const remedy = `It is stopped or busy: ask again, or take the lab down with: tendril down --name ${lab}`;
    return fail(`the lab's server does not answer within ${timeoutMs / 1_000} s`, remedy);
  }
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return fail("the lab's server does not answer: it has died", down);
  if (code === 'ENOENT')
    return fail("the lab's server does not answer", `It is coming up, or has died. ${down}`);
  return fail("the lab's server broke off its answer", `See its log: server.log of the lab. ${down}`);
}
