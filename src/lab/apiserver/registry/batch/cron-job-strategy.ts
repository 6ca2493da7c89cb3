/** Defaults and validation of CronJobs (pkg/apis/batch). */
import { parseSchedule } from '../../../../util/cron/schedule.ts';
import { Zone } from '../../../../util/cron/zone.ts';
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../validation/field-error.ts';
import { isDnsLabel } from '../../validation/names.ts';
import { setTemplateDefaults, validateCount } from '../apps/workload.ts';
import type { Strategy } from '../resource.ts';
import { jobStrategy } from './job-strategy.ts';

const policies = ['Allow', 'Forbid', 'Replace'];
/** A Job's name is the CronJob's and eleven characters more. */
const longestName = 52;

function setDefaults(cronJob: JsonObject): void {
  cronJob.spec ??= {};
  const { spec } = cronJob;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= {};
  setTemplateDefaults(spec.jobTemplate);
}

function validateSchedule({ schedule, timeZone }: JsonObject, old: JsonObject | undefined): FieldError[] {
  const at = 'spec.schedule';
  if (!schedule) return [required(at)];
  const errors: FieldError[] = [];
  try {
    parseSchedule(schedule);
  } catch (error) {
    errors.push(invalidValue(at, schedule, (error as Error).message));
  }
  if (!schedule.includes('TZ')) return errors;
  if (!old?.schedule?.includes('TZ'))
    errors.push(
      invalidValue(at, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    );
  else if (timeZone !== undefined)
    errors.push(invalidValue(at, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

function validateTimeZone(timeZone: string | undefined): FieldError[] {
  const at = 'spec.timeZone';
  if (timeZone === undefined) return [];
  if (timeZone === '') return [invalidValue(at, timeZone, 'timeZone must be nil or non-empty string')];
  const unknown = [invalidValue(at, timeZone, `unknown time zone ${timeZone}`)];
  const isPart = (part: string) =>
    /^[A-Za-z.\-_0-9+]{1,14}$/.test(part) && part !== '.' && part !== '..' && !part.startsWith('-');
  if (!timeZone.split('/').every(isPart)) return unknown;
  if (timeZone.toLowerCase() === 'local') {
    const why = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return [invalidValue(at, timeZone, why)];
  }
  return isZone(timeZone) ? [] : unknown;
}

function isZone(name: string): boolean {
  try {
    new Zone(name);
    // An offset is a zone to JavaScript.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

function validateJobTemplate(template: JsonObject): FieldError[] {
  const { spec } = template;
  const at = 'spec.jobTemplate';
  const errors = jobStrategy.validate!({ spec: { completionMode: 'NonIndexed', ...spec } }).map((error) => ({
    ...error,
    field: `${at}.${error.field}`,
  }));
  if (spec.selector !== undefined)
    errors.push(invalidValue(`${at}.spec.selector`, spec.selector, '`selector` will be auto-generated'));
  if (spec.manualSelector === true)
    errors.push(notSupported(`${at}.spec.manualSelector`, true, ['nil', 'false']));
  return errors;
}

function validate({ metadata, spec = {} }: JsonObject, old?: JsonObject): FieldError[] {
  const { timeZone, concurrencyPolicy } = spec;
  const sameZone = old !== undefined && old.spec?.timeZone === timeZone;
  const tooLong = old === undefined && metadata.name.length > longestName;
  return [
    ...validateSchedule(spec, old?.spec),
    ...validateCount(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
    ...(sameZone ? [] : validateTimeZone(timeZone)),
    ...(policies.includes(concurrencyPolicy)
      ? []
      : [notSupported('spec.concurrencyPolicy', concurrencyPolicy, policies)]),
    ...validateJobTemplate(spec.jobTemplate),
    ...validateCount(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
    ...validateCount(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
    ...(tooLong ? [invalidValue('metadata.name', metadata.name, 'must be no more than 52 characters')] : []),
  ];
}

function warnings({ metadata, spec }: JsonObject): string[] {
  const wrong = isDnsLabel(metadata.name);
  const why =
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: ';
  return [
    ...(wrong.length === 0 ? [] : [`${why}[${wrong.join(' ')}]`]),
    ...jobStrategy.warnings!({ spec: spec.jobTemplate.spec }).map((text) =>
      text.replace(/^spec\./, 'spec.jobTemplate.spec.'),
    ),
  ];
}

export const cronJobStrategy: Strategy = { setDefaults, validate, warnings };
