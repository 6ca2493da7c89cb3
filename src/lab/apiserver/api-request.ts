/** What the API server's handler is given and gives back, apart from any transport. */
import type { Readable } from 'node:stream';
import type { Impersonation } from './auth/impersonation.ts';
import type { WatchStream } from './rest/watch-stream.ts';
import type { StreamTarget } from './streams/stream-target.ts';

/** As authentication.k8s.io tells it. */
export interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export interface ApiRequest {
  method: string;
  /** Without the query. */
  path: string;
  query?: URLSearchParams;
  /** Media types the client takes, as the Accept header says; JSON when absent. */
  accept?: string;
  contentType?: string;
  userAgent?: string;
  /** Decoded JSON. */
  body?: unknown;
  /** Ends a watch or a followed log. */
  signal?: AbortSignal;
  /** Who asks, where that is known; read from the client's certificate when somebody wants to know. */
  user?: () => UserInfo;
  /** In whose name they ask, where that is another's. */
  impersonation?: Impersonation;
  /** Fields that the body has twice, in words; `body` has the last of each. */
  duplicates?: readonly string[];
  /** The client asks to change the connection's protocol. */
  upgrade?: boolean;
  /** The body comes from this program's own parts: its shape is trusted and not checked against the schema. */
  trusted?: boolean;
}

export type ApiResponse =
  | { status: number; body: unknown; warnings?: string[] }
  | { status: number; events: WatchStream; protobuf?: true }
  | { status: number; contentType: string; raw: string | Uint8Array | Readable }
  /** Only to who asks for an upgrade. */
  | { status: 101; open: StreamTarget };

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;
