/** Why a webhook could not be called, in the words of Go's HTTP client and of client-go, which administrators look up. */
import { isJsonObject } from '../json.ts';

interface NodeError extends Error {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
  reason?: string;
}

const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
const notTls = 'http: server gave HTTP response to HTTPS client';

const connectErrors: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

const texts: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  ECONNRESET: 'EOF',
};

function addressOf({ address = '', port }: NodeError): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Of an error that Node.js gives for a connection or what is said on it. */
export function transportText(error: unknown): string {
  const { code = '', message, hostname, reason } = error as NodeError;
  if (code in connectErrors && (error as NodeError).address !== undefined)
    return `dial tcp ${addressOf(error as NodeError)}: ${connectErrors[code]}`;
  if (code in connectErrors) return connectErrors[code]!;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname}: no such host`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: certificate is not valid for the name: ${reason}`;
  return texts[code] ?? message;
}

const statusTexts: Record<number, string> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  403: 'the server does not allow this request',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  406: 'the server was unable to respond with a content type that the client supports',
  409: 'the server reported a conflict',
  413: 'Request entity too large',
  415: 'the body of the request was in an unknown format',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

const shownBytes = 2048;

/** Of an answer that is no success: a Status says itself what is wrong. */
export function statusText(code: number, body: string): string {
  const status = statusIn(body);
  if (status !== undefined) return status;
  const shown = JSON.stringify(body.trim().slice(0, shownBytes));
  if (code === 500 || code > 504)
    return `an error on the server (${shown}) has prevented the request from succeeding`;
  return (
    statusTexts[code] ??
    `the server responded with the status code ${code} but did not return more information`
  );
}

function statusIn(body: string): string | undefined {
  try {
    const status: unknown = JSON.parse(body);
    return isJsonObject(status) && status.kind === 'Status' ? String(status.message) : undefined;
  } catch {
    return undefined;
  }
}
