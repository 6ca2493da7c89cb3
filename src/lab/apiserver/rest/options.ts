/**
 * Options that a query says, checked as Kubernetes checks them (apimachinery, apis/meta/v1/validation and
 * apis/meta/internalversion/validation) before anything is read or written.
 */
import type { ApiRequest } from '../api-request.ts';
import { isJsonObject } from '../json.ts';
import { badRequest, invalid } from '../status.ts';
import {
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '../validation/field-error.ts';
import { isApply } from './apply.ts';

const maxManagerBytes = 128;

/** As Kubernetes reads a boolean of a query: all but these two words are true. */
export function flagIn(query: URLSearchParams | undefined, key: string): boolean {
  const text = query?.get(key);
  return text !== null && text !== undefined && !['false', '0'].includes(text.toLowerCase());
}

function checkManager(query: URLSearchParams): FieldError[] {
  const field = 'fieldManager';
  const name = query.get(field) ?? '';
  const errors = Buffer.byteLength(name) > maxManagerBytes ? [tooLong(field, maxManagerBytes)] : [];
  const [odd] = name.match(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u) ?? [];
  if (odd === undefined) return errors;
  const code = odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  const at = Buffer.byteLength(name.slice(0, name.indexOf(odd)));
  return [...errors, invalidValue(field, name, `invalid character U+${code} (at position ${at})`)];
}

function checkDryRun(values: readonly string[]): FieldError[] {
  return values.every((value) => value === 'All') ? [] : [notSupported('dryRun', values, ['All'])];
}

function checkWrite(query: URLSearchParams): FieldError[] {
  const mode = query.get('fieldValidation') ?? '';
  const modes = ['', 'Ignore', 'Strict', 'Warn'];
  return [
    ...checkManager(query),
    ...checkDryRun(query.getAll('dryRun')),
    ...(modes.includes(mode) ? [] : [notSupported('fieldValidation', mode, modes)]),
  ];
}

function checkPatch(query: URLSearchParams, contentType: string | undefined): FieldError[] {
  const forced = query.has('force');
  if (isApply(contentType))
    return query.get('fieldManager') ? [] : [required('fieldManager', 'is required for apply patch')];
  return forced ? [fieldForbidden('force', 'may not be specified for non-apply patch')] : [];
}

/** Of a body and, where it is silent, the query. */
function checkDelete(query: URLSearchParams, body: unknown): FieldError[] {
  const told = isJsonObject(body) ? body : {};
  if (told.kind !== undefined && told.kind !== 'DeleteOptions')
    throw badRequest(`no kind ${JSON.stringify(told.kind)} is registered for the options of a deletion`);
  const field = 'propagationPolicy';
  const policy = told.propagationPolicy ?? query.get(field) ?? undefined;
  const orphans = told.orphanDependents !== undefined || query.has('orphanDependents');
  const dryRun = checkDryRun([...query.getAll('dryRun'), ...(told.dryRun ?? [])]);
  if (policy === undefined) return dryRun;
  if (orphans)
    return [
      invalidValue(field, policy, 'orphanDependents and deletionPropagation cannot be both set'),
      ...dryRun,
    ];
  const policies = ['Foreground', 'Background', 'Orphan'];
  const right = policies.includes(policy);
  return right ? dryRun : [notSupported(field, policy, [...policies, 'nil']), ...dryRun];
}

const match = 'resourceVersionMatch';
const exact = 'Exact';
const notOlder = 'NotOlderThan';

function checkList(query: URLSearchParams): FieldError[] {
  const [how, version] = [query.get(match), query.get('resourceVersion')];
  const errors: FieldError[] = [];
  const forbid = (field: string, why: string) => errors.push(fieldForbidden(field, why));
  if (how) {
    if (!version) forbid(match, `${match} is forbidden unless resourceVersion is provided`);
    if (query.get('continue')) forbid(match, `${match} is forbidden when continue is provided`);
    if (how !== exact && how !== notOlder) errors.push(notSupported(match, how, [exact, notOlder, '']));
    if (how === exact && version === '0')
      forbid(match, `${match} "exact" is forbidden for resourceVersion "0"`);
  }
  if (query.has('sendInitialEvents')) forbid('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  return errors;
}

function checkWatch(query: URLSearchParams): FieldError[] {
  const how = query.get(match) ?? '';
  const initial = query.has('sendInitialEvents');
  const errors: FieldError[] = [];
  const forbid = (why: string) => errors.push(fieldForbidden(match, why));
  if (initial && how !== notOlder) forbid(`sendInitialEvents requires setting ${match} to ${notOlder}`);
  if (how === '') return errors;
  if (!initial) forbid(`${match} is forbidden for watch unless sendInitialEvents is provided`);
  if (how !== notOlder) errors.push(notSupported(match, how, [notOlder]));
  if (query.get('continue')) forbid(`${match} is forbidden when continue is provided`);
  return errors;
}

const kinds: Record<
  string,
  [kind: string, check: (request: ApiRequest, query: URLSearchParams) => FieldError[]]
> = {
  POST: ['CreateOptions', (_, query) => checkWrite(query)],
  PUT: ['UpdateOptions', (_, query) => checkWrite(query)],
  PATCH: [
    'PatchOptions',
    ({ contentType }, query) => [...checkPatch(query, contentType), ...checkWrite(query)],
  ],
  DELETE: ['DeleteOptions', ({ body }, query) => checkDelete(query, body)],
};

function refuse(kind: string, errors: FieldError[]): void {
  const subject = { group: 'meta.k8s.io', plural: kind.toLowerCase(), kind };
  if (errors.length > 0) throw invalid(subject, '', errors);
}

/** @throws ApiError Invalid, BadRequest */
export function checkWriteOptions(request: ApiRequest, query: URLSearchParams): void {
  if (!Object.hasOwn(kinds, request.method)) return;
  const [kind, check] = kinds[request.method]!;
  refuse(kind, check(request, query));
}

/** @throws ApiError Invalid */
export function checkListOptions(query: URLSearchParams, { watch }: { watch: boolean }): void {
  refuse('ListOptions', watch ? checkWatch(query) : checkList(query));
}
