/** Questions to a lab's server over its control socket. */
import { request } from 'node:http';
import { TendrilError } from '../../util/errors.ts';

/**
 * The JSON that the server answers a GET with.
 * @throws TendrilError LAB_UNREACHABLE when nobody answers: the lab's server is dead or hangs; API with the server's
 * message for other failures
 */
export function askControl<T>(socketPath: string, path: string, timeoutMs = 10_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const answer = JSON.parse(text) as T & { error?: string };
        if (response.statusCode === 200) resolve(answer);
        else
          reject(new TendrilError('API', answer.error ?? `the lab's server answered ${response.statusCode}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.on('error', (cause) => {
      reject(
        new TendrilError('LAB_UNREACHABLE', "the lab's server does not answer", {
          cause,
          remedy: 'It is coming up, or has died. Take the lab down with: tendril down',
        }),
      );
    });
    call.end();
  });
}
