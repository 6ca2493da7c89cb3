/** A request's body: all of it, in bounded room and time. */
import type { IncomingMessage } from 'node:http';
import { requestEntityTooLarge, timedOut } from '../status.ts';

export interface BodyLimits {
  bytes: number;
  /** For all of it. */
  ms: number;
}

/** kube-apiserver's: MaxRequestBodyBytes, and --request-timeout. */
export const bodyLimits: BodyLimits = { bytes: 3 * 1024 * 1024, ms: 60_000 };

/**
 * The body as it came. Throws ApiError RequestEntityTooLarge or Timeout, and then leaves the rest unread with the
 * connection open, so that the client can be told; and Error when the client goes.
 */
export function receiveBody(message: IncomingMessage, limits: BodyLimits = bodyLimits): Promise<Buffer> {
  const tooLarge = () => requestEntityTooLarge(`Request body is too large: limit is ${limits.bytes} bytes`);
  if (Number(message.headers['content-length'] ?? 0) > limits.bytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.bytes) fail(tooLarge());
      else chunks.push(chunk);
    };
    const leave = () => {
      clearTimeout(timer);
      message.off('data', take).off('end', finish).off('close', gone).off('error', fail);
    };
    const finish = () => {
      leave();
      resolve(Buffer.concat(chunks));
    };
    const fail = (error: Error) => {
      leave();
      message.pause();
      reject(error);
    };
    const gone = () => fail(new Error('the client has closed the connection'));
    const late = () => fail(timedOut('request did not complete within the allotted timeout', {}));
    const timer = setTimeout(late, limits.ms);
    message.on('data', take).on('end', finish).on('close', gone).on('error', fail);
  });
}
