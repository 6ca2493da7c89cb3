/**
 * Tokens of ServiceAccounts: signed (JWT, ES256), bound to a pod where one asks for it, and worth nothing once the
 * account or the pod is gone. Claims as kube-apiserver writes them (pkg/serviceaccount).
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import type { Clock } from '../../../util/clock.ts';
import type { UserInfo } from '../api-request.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Storage } from '../storage/storage.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';

/** By which others learn how to check tokens (OpenID Connect Discovery). */
export const openIdConfiguration = {
  issuer,
  jwks_uri: `${issuer}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
};

/** What a token may be bound to, beside its account. */
export interface Binding {
  kind: 'Pod' | 'Secret' | 'Node';
  name: string;
  uid: string;
}

export interface TokenWish {
  namespace: string;
  name: string;
  uid: string;
  audiences: readonly string[];
  /** Seconds. */
  lifetime: number;
  /** Seconds after which a holder that still uses it should have asked for another. */
  warnAfter?: number;
  binding?: Binding;
  /** Where the pod runs. */
  node?: { name: string; uid?: string };
}

export interface VerifiedToken {
  user: UserInfo;
  /** Those asked for that the token is for. */
  audiences: string[];
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const algorithm = { dsaEncoding: 'ieee-p1363' } as const;
const collections = { Pod: '/pods', Secret: '/secrets', Node: '/nodes' } as const;
/** A pod that is being deleted may use its token for so long. */
const afterDeletionMs = 60_000;

/** PEM. */
export function newTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

export class ServiceAccountTokens {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #key: KeyObject;
  readonly #public: KeyObject;
  readonly #keyId: string;

  /** `key` is a PEM of newTokenKey(); a new one when absent. */
  constructor({ storage, clock, key = newTokenKey() }: { storage: Storage; clock: Clock; key?: string }) {
    this.#storage = storage;
    this.#clock = clock;
    this.#key = createPrivateKey(key);
    this.#public = createPublicKey(this.#key);
    const der = this.#public.export({ type: 'spki', format: 'der' });
    this.#keyId = createHash('sha256').update(der).digest('base64url');
  }

  /** A signed token (JWT, ES256); whether its account and binding exist is the caller's to ask. */
  issue(wish: TokenWish): string {
    const { namespace, name, uid, binding, node, warnAfter } = wish;
    const now = Math.floor(this.#clock.now() / 1000);
    const bound = binding && { [binding.kind.toLowerCase()]: { name: binding.name, uid: binding.uid } };
    const claims = {
      aud: wish.audiences,
      exp: now + wish.lifetime,
      iat: now,
      iss: issuer,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(node && { node }),
        ...bound,
        serviceaccount: { name, uid },
        ...(warnAfter !== undefined && { warnafter: now + warnAfter }),
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const signed = `${encode({ alg: 'ES256', kid: this.#keyId })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, ...algorithm });
    return `${signed}.${signature.toString('base64url')}`;
  }

  /** Undefined for a token that is not, or no longer, good for any of the audiences; absent ones mean this server. */
  verify(token: string, audiences: readonly string[] = [issuer]): VerifiedToken | undefined {
    const claims = this.#claims(token);
    if (claims === undefined) return undefined;
    const now = this.#clock.now() / 1000;
    if (claims.iss !== issuer || !(claims.exp > now) || claims.nbf > now) return undefined;
    const matching = audiences.filter((audience) => claims.aud?.includes?.(audience));
    if (matching.length === 0) return undefined;
    const own = claims['kubernetes.io'];
    if (!isJsonObject(own) || !this.#isLive(own)) return undefined;
    return { user: userOf(own, claims.jti), audiences: matching };
  }

  #claims(token: string): JsonObject | undefined {
    const [header = '', body = '', signature = ''] = token.split('.');
    try {
      const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
      if (alg !== 'ES256' || kid !== this.#keyId) return undefined;
      const right = verify(
        'sha256',
        Buffer.from(`${header}.${body}`),
        { key: this.#public, ...algorithm },
        Buffer.from(signature, 'base64url'),
      );
      return right ? JSON.parse(Buffer.from(body, 'base64url').toString()) : undefined;
    } catch {
      return undefined;
    }
  }

  #isLive(claims: JsonObject): boolean {
    const { namespace, serviceaccount } = claims;
    if (!this.#is('/serviceaccounts', `${namespace}/${serviceaccount?.name}`, serviceaccount?.uid))
      return false;
    return Object.entries(collections).every(([kind, collection]) => {
      const bound = claims[kind.toLowerCase()];
      // A pod's node is told, not what the token hangs on.
      if (bound === undefined || (kind === 'Node' && claims.pod !== undefined)) return true;
      return this.#is(collection, kind === 'Node' ? bound.name : `${namespace}/${bound.name}`, bound.uid);
    });
  }

  #is(collection: string, key: string, uid: string | undefined): boolean {
    const metadata = this.#storage.get(collection, key)?.metadata;
    if (metadata === undefined || metadata.uid !== uid) return false;
    const { deletionTimestamp } = metadata;
    return !deletionTimestamp || this.#clock.now() < Date.parse(deletionTimestamp) + afterDeletionMs;
  }

  /** RFC 7517: with what anybody can check tokens. */
  keys(): object {
    const { kty, crv, x, y } = this.#public.export({ format: 'jwk' });
    return { keys: [{ use: 'sig', kty, kid: this.#keyId, crv, alg: 'ES256', x, y }] };
  }
}

function userOf({ namespace, serviceaccount, pod, node }: JsonObject, id: string): UserInfo {
  const names = (key: string, value: string | undefined) =>
    value === undefined ? {} : { [`authentication.kubernetes.io/${key}`]: [value] };
  return {
    username: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {
      ...names('credential-id', `JTI=${id}`),
      ...names('node-name', node?.name),
      ...names('node-uid', node?.uid),
      ...names('pod-name', pod?.name),
      ...names('pod-uid', pod?.uid),
    },
  };
}
