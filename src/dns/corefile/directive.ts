/** What a parsed Corefile consists of (coredns.io/manual/configuration; the grammar is that of Caddy 1's Caddyfile). */

/** Where a word stands: errors name it. */
export interface Place {
  file: string;
  /** From 1. */
  line: number;
}

/** One line of a server block: a plugin's name, its arguments and, in braces, its lines. */
export interface Directive {
  name: string;
  args: readonly string[];
  /** Absent where there are no braces; lines may have braces of their own. */
  block?: readonly Directive[];
  at: Place;
}

export const transports = ['dns', 'tls', 'https', 'grpc', 'quic'] as const;
export type TransportName = (typeof transports)[number];

/** A key of a server block, e.g. `tls://example.org:853` or `10.0.0.0/24`; a CIDR has become its reverse zones. */
export interface ServerKey {
  transport: TransportName;
  /** Canonical; '' is the root. */
  zone: string;
  port: number;
}

export interface ServerBlock {
  keys: readonly ServerKey[];
  directives: readonly Directive[];
  at: Place;
}
