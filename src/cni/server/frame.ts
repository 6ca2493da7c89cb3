/**
 * What the CNI shim and the agent say to each other on the unix socket, once per connection:
 *
 *     request  4 bytes big-endian length, then JSON {"env": {"CNI_COMMAND": …}, "config": … or null}
 *     answer   4 bytes big-endian exit status, then what the shim prints on stdout, to the end of the stream
 */
import { CniError, cniCodes } from '../cni-error.ts';

export interface CniRequest {
  /** The CNI_* variables. */
  env: Record<string, string>;
  /** The plugin's configuration: what the runtime gave on stdin. */
  config: unknown;
}

export interface CniAnswer {
  /** The plugin's exit status. */
  status: number;
  /** '' where the command prints nothing. */
  output: string;
}

/** Far above any configuration, so that a wrong length does not fill memory. */
const maxRequestBytes = 4 << 20;

export function encodeRequest(request: CniRequest): Buffer {
  const json = Buffer.from(JSON.stringify(request));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(json.length);
  return Buffer.concat([header, json]);
}

/** Gathers one request out of a stream's pieces. */
export class RequestReader {
  #chunks: Buffer[] = [];
  #received = 0;

  /**
   * The request once it is whole, undefined before.
   * @throws CniError 6 for what is no request
   */
  push(chunk: Buffer): CniRequest | undefined {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#received < 4) return undefined;
    if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]!.readUInt32BE(0);
    if (length > maxRequestBytes) throw undecodable(`is ${length} bytes long`);
    if (this.#received < 4 + length) return undefined;
    return parseRequest(Buffer.concat(this.#chunks).toString('utf8', 4, 4 + length));
  }
}

function parseRequest(json: string): CniRequest {
  const request = parseJson(json);
  if (typeof request !== 'object' || request === null) throw undecodable('is not an object');
  const { env, config } = request as Record<string, unknown>;
  if (typeof env !== 'object' || env === null) throw undecodable('has no environment');
  const strings = Object.entries(env).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { env: Object.fromEntries(strings), config: config ?? null };
}

/** The shim puts stdin in as it is: what does not parse may be the network configuration itself. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CniError(cniCodes.decodingFailure, 'the request or its network configuration is not JSON', {
      cause,
    });
  }
}

export function encodeAnswer(answer: CniAnswer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(answer.status);
  return Buffer.concat([header, Buffer.from(answer.output)]);
}

/** @throws CniError 6 for less than a status */
export function decodeAnswer(bytes: Buffer): CniAnswer {
  if (bytes.length < 4) throw new CniError(cniCodes.decodingFailure, 'the answer is cut off');
  return { status: bytes.readUInt32BE(0), output: bytes.toString('utf8', 4) };
}

function undecodable(what: string): CniError {
  return new CniError(cniCodes.decodingFailure, `the request ${what}`);
}
