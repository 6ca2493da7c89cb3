/** A pod's service account tokens: opaque, one for each audience, the same for as long as the pod lives. */
import { randomBytes } from 'node:crypto';

export class TokenSource {
  readonly #tokens = new Map<string, string>();

  token(audience = ''): string {
    const known = this.#tokens.get(audience);
    if (known !== undefined) return known;
    const made = randomBytes(32).toString('base64url');
    this.#tokens.set(audience, made);
    return made;
  }
}
