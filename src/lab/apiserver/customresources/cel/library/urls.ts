/** url() and its parts (apiserver, cel/library/urls.go), in the terms of Go's net/url. */
import type { Library } from './library.ts';

class Url {
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string, parts: { scheme: string; host: string; path: string; query: string }) {
    this.text = text;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
  }

  equals(other: unknown): boolean {
    return other instanceof Url && other.text === this.text;
  }
}

const shape =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/?#@]*@)?((?:\[[^\]/?#]*\]|[^/?#:[\]])*(?::\d*)?)(?=[/?#]|$))?(?!\/\/)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

/** Absolute, by scheme or by path; with no character that a URL has to write otherwise. */
function readUrl(text: string): Url | undefined {
  if (text === '' || /\p{Cc}/u.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const [matched, scheme = '', host = '', path = '', query = ''] = shape.exec(text) ?? [];
  if (matched === undefined || (scheme === '' && !text.startsWith('/'))) return undefined;
  if (/[\s<>"]/.test(host)) return undefined;
  return new Url(text, { scheme: scheme.toLowerCase(), host, path: escaped(path), query });
}

/** What a path may hold as it is stays; the rest is escaped. */
const escaped = (path: string) =>
  path.replaceAll(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]]/gu, (c) => encodeURIComponent(c));

function toUrl(text: string): Url {
  const url = readUrl(text);
  if (url === undefined)
    throw new Error(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  return url;
}

const unbracketed = (host: string) => host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');

function queryOf(query: string): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) result.set(key, [...(result.get(key) ?? []), value]);
  return result;
}

export const urls: Library = {
  types: { 'kubernetes.URL': Url },
  functions: {
    'url(string): kubernetes.URL': toUrl,
    'isURL(string): bool': (text: string) => readUrl(text) !== undefined,
    'kubernetes.URL.getScheme(): string': ({ scheme }: Url) => scheme,
    'kubernetes.URL.getHost(): string': ({ host }: Url) => host,
    'kubernetes.URL.getHostname(): string': ({ host }: Url) => unbracketed(host),
    'kubernetes.URL.getPort(): string': ({ host }: Url) => /:(\d*)$/.exec(host)?.[1] ?? '',
    'kubernetes.URL.getEscapedPath(): string': ({ path }: Url) => path,
    'kubernetes.URL.getQuery(): map<string, list<string>>': ({ query }: Url) => queryOf(query),
  },
};
