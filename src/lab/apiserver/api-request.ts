/** What the API server's handler is given and gives back, apart from any transport. */
import type { Readable } from 'node:stream';
import type { StreamEvent } from './rest/watch-stream.ts';

export interface ApiRequest {
  method: string;
  /** Without the query. */
  path: string;
  query?: URLSearchParams;
  /** Media types the client takes, as the Accept header says; JSON when absent. */
  accept?: string;
  contentType?: string;
  /** Decoded JSON. */
  body?: unknown;
  /** Ends a watch or a followed log. */
  signal?: AbortSignal;
  /** The body comes from this program's own parts: its shape is trusted and not checked against the schema. */
  trusted?: boolean;
}

export type ApiResponse =
  | { status: number; body: unknown; warnings?: string[] }
  | { status: number; events: AsyncIterable<StreamEvent> }
  | { status: number; contentType: string; raw: string | Uint8Array | Readable };

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;
