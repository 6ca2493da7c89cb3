/** Where a webhook is: a URL, or a Service of the cluster (apiserver, util/webhook/validation.go). */
import { X509Certificate } from 'node:crypto';
import { type FieldError, invalidValue, required } from '../validation/field-error.ts';
import { isDnsSubdomain, isPortNumber } from '../validation/names.ts';

export interface ServiceReference {
  namespace: string;
  name: string;
  path?: string;
  port?: number;
}

export interface WebhookClientConfig {
  url?: string;
  service?: ServiceReference;
  /** PEM, base64. */
  caBundle?: string;
}

export const defaultWebhookPort = 443;

const form = '; desired format: https://host[/path]';

export function validateWebhookUrl(url: string, field: string): FieldError[] {
  if (!URL.canParse(url)) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1] ?? '';
    if (scheme.toLowerCase() === 'https') return [invalidValue(field, '', `host must be specified${form}`)];
    const why = `'https' is the only allowed URL scheme${form}`;
    return [invalidValue(field, scheme, why), invalidValue(field, '', `host must be specified${form}`)];
  }
  const { protocol, host, username, password, hash, search } = new URL(url);
  const wrong: [boolean, unknown, string][] = [
    [protocol !== 'https:', protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`],
    [host === '', host, `host must be specified${form}`],
    [username !== '' || password !== '', username, 'user information is not permitted in the URL'],
    [hash !== '', hash.slice(1), 'fragments are not permitted in the URL'],
    [search !== '', search.slice(1), 'query parameters are not permitted in the URL'],
  ];
  return wrong.flatMap(([isWrong, value, why]) => (isWrong ? [invalidValue(field, value, why)] : []));
}

function validatePath(path: string, field: string): FieldError[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalidValue(field, path, 'segment[0] may not be empty')];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  return [
    ...(path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")]),
    ...steps.flatMap((step, i) =>
      (step === ''
        ? ['segment[%] may not be empty']
        : isDnsSubdomain(step).map((e) => `segment[%]: ${e}`)
      ).map((why) => invalidValue(field, path, why.replace('%', String(i)))),
    ),
  ];
}

export function validateWebhookService(service: ServiceReference, field: string): FieldError[] {
  const { name, namespace, path, port = 0 } = service;
  return [
    ...(name ? [] : [required(`${field}.name`)]),
    ...(namespace ? [] : [required(`${field}.namespace`)]),
    ...isPortNumber(port).map((why) => invalidValue(`${field}.port`, port, `port is not valid: ${why}`)),
    ...(path === undefined ? [] : validatePath(path, `${field}.path`)),
  ];
}

/** The place alone: exactly one of the two. */
export function validateClientConfig(config: WebhookClientConfig | undefined, field: string): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined))
    return [required(field, 'exactly one of url or service is required')];
  return url === undefined
    ? validateWebhookService(service!, `${field}.service`)
    : validateWebhookUrl(url, `${field}.url`);
}

/** A bundle without a certificate, or with one that cannot be read. */
export function validateCaBundle(bundle: string | undefined, field: string): FieldError[] {
  if (bundle === undefined || bundle === '') return [];
  const why = 'unable to load root certificates: unable to parse bytes as PEM block';
  return certificatesOf(bundle) === undefined ? [invalidValue(field, bundle, why)] : [];
}

/** The certificates in a bundle, PEM; undefined where it holds none that can be read. */
export function certificatesOf(bundle: string): string[] | undefined {
  const text = Buffer.from(bundle, 'base64').toString();
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null) return undefined;
  try {
    for (const block of blocks) new X509Certificate(block);
    return blocks;
  } catch {
    return undefined;
  }
}
