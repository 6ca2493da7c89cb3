/** Requests as they stand, for a command line that speaks of whatever kinds the server has. */
export interface RawRequest {
  method: string;
  /** Path and query. */
  path: string;
  body?: unknown;
  contentType?: string;
  accept?: string;
}

/** Throws ApiError for an error Status, and API_UNREACHABLE where nobody answers. */
export interface RawApi {
  send(request: RawRequest): Promise<unknown>;
}
