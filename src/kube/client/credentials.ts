/** Who a client says that it is, and how that is renewed: tokens and certificates that last, and those that do not. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../util/clock.ts';
import type { ApiEndpoint } from './kubeconfig.ts';

export interface Credentials {
  token?: string;
  /** PEM; both or none. */
  cert?: string;
  key?: string;
}

/** As a credential plugin gives them out. */
export interface IssuedCredentials extends Credentials {
  /** When they are of no more use, ms since the epoch; only the API server knows where it is absent. */
  expiresAt?: number;
}

export interface CredentialSource {
  read(): Promise<Credentials>;
  /** Others than the refused ones, asked for anew; undefined where there are none. */
  renewed(refused: Credentials): Promise<Credentials | undefined>;
}

const tokenLifeMs = 60_000;

export function credentialSource(endpoint: ApiEndpoint, clock: Clock): CredentialSource {
  const { token, cert, key, tokenFile, issueCredentials } = endpoint;
  if (issueCredentials !== undefined) return issued(issueCredentials, clock);
  if (tokenFile !== undefined) return fromFile(tokenFile, { cert, key }, clock);
  const constant = { token, cert, key };
  return { read: async () => constant, renewed: async () => undefined };
}

function fromFile(file: string, certificate: Credentials, clock: Clock): CredentialSource {
  let cached: { value: Credentials; until: number } | undefined;
  const readAnew = async () => {
    const value = { ...certificate, token: (await readFile(file, 'utf8')).trim() };
    cached = { value, until: clock.monotonic() + tokenLifeMs };
    return value;
  };
  return {
    read: async () =>
      cached === undefined || clock.monotonic() > cached.until ? await readAnew() : cached.value,
    renewed: async (refused) => {
      const value = await readAnew();
      return value.token === refused.token ? undefined : value;
    },
  };
}

/** One at a time: a plugin may talk to its user. */
function issued(issue: () => Promise<IssuedCredentials>, clock: Clock): CredentialSource {
  let current: Promise<IssuedCredentials> | undefined;
  const issueAnew = (): Promise<IssuedCredentials> => {
    const issuing = issue();
    current = issuing;
    issuing.catch(() => {
      if (current === issuing) current = undefined;
    });
    return issuing;
  };
  const isOver = ({ expiresAt }: IssuedCredentials) => expiresAt !== undefined && clock.now() > expiresAt;
  const read = async (): Promise<IssuedCredentials> => {
    const asked = current;
    if (asked === undefined) return await issueAnew();
    const credentials = await asked;
    if (!isOver(credentials)) return credentials;
    // Of many requests that find them expired only the first has them issued.
    return current === asked ? await issueAnew() : await read();
  };
  return {
    read,
    renewed: async (refused) => {
      const asked = current;
      const held = await asked;
      // Another request whose credentials were refused may have been first.
      return held === refused && current === asked ? await issueAnew() : await read();
    },
  };
}
