/** What ConfigMaps and Secrets may hold (pkg/apis/core/validation). */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, required, tooLong } from '../../validation/field-error.ts';
import { isConfigMapKey } from '../../validation/names.ts';

const maxBytes = 1024 * 1024;

/** Keys become file names. */
function validateKeys(data: JsonObject | undefined, field: string): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) =>
    isConfigMapKey(key).map((why) => invalidValue(`${field}[${key}]`, key, why)),
  );
}

const sum = (numbers: number[]) => numbers.reduce((total, next) => total + next, 0);
const textBytes = (data: JsonObject = {}) => sum(Object.values(data).map((text) => Buffer.byteLength(text)));
const packedBytes = (data: JsonObject = {}) =>
  sum(Object.values(data).map((text) => Buffer.byteLength(text, 'base64')));

export function validateConfigMap({ data, binaryData }: JsonObject): FieldError[] {
  const both = Object.keys(data ?? {}).filter((key) => binaryData?.[key] !== undefined);
  return [
    ...validateKeys(data, 'data'),
    ...both.map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...validateKeys(binaryData, 'binaryData'),
    ...(textBytes(data) + packedBytes(binaryData) > maxBytes ? [tooLong('', maxBytes)] : []),
  ];
}

function isJsonText(packed: string): boolean {
  try {
    return isJsonObject(JSON.parse(Buffer.from(packed, 'base64').toString()));
  } catch {
    return false;
  }
}

function needs(data: JsonObject, ...keys: string[]): FieldError[] {
  return keys.filter((key) => data[key] === undefined).map((key) => required(`data[${key}]`));
}

function needsJson(data: JsonObject, key: string): FieldError[] {
  if (data[key] === undefined || isJsonText(data[key])) return needs(data, key);
  return [invalidValue(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object')];
}

const accountName = 'kubernetes.io/service-account.name';

function validateType({ type, metadata, data = {} }: JsonObject): FieldError[] {
  switch (type) {
    case 'kubernetes.io/service-account-token':
      return metadata.annotations?.[accountName] ? [] : [required(`metadata.annotations[${accountName}]`)];
    case 'kubernetes.io/dockercfg':
      return needsJson(data, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return needsJson(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth': {
      const missing = needs(data, 'username', 'password');
      return missing.length === 2 ? missing : [];
    }
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')];
    case 'kubernetes.io/tls':
      return needs(data, 'tls.crt', 'tls.key');
    default:
      return [];
  }
}

export function validateSecret(secret: JsonObject): FieldError[] {
  return [
    ...validateKeys(secret.data, 'data'),
    ...(packedBytes(secret.data) > maxBytes ? [tooLong('data', maxBytes)] : []),
    ...validateType(secret),
  ];
}
