/** Label and field selectors of a request as one predicate. */
import type { KubeObject } from '../../../kube/meta.ts';
import {
  allOf,
  compileRequirement,
  fieldValue,
  type LabelSelectorRequirement,
  parseFieldSelector,
  parseLabelSelector,
} from '../../../kube/selectors.ts';
import { describeError } from '../../../util/errors.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { badRequest } from '../status.ts';
import { invalidValue } from '../validation/field-error.ts';
import { isLabelValue, isQualifiedName } from '../validation/names.ts';

export type Selection = (object: KubeObject) => boolean;

export const everything: Selection = () => true;

/** Where a selector's field is under another name in the object, and what stands for an absent one. */
const fieldSources: Record<string, { path: string; absent?: string }> = {
  source: { path: 'source.component' },
  'spec.unschedulable': { path: 'spec.unschedulable', absent: 'false' },
  'spec.hostNetwork': { path: 'spec.hostNetwork', absent: 'false' },
};

function fieldPredicate(resource: Resource, text: string): Selection {
  const requirements = parseFieldSelector(text).map(({ path, equals, value }) => {
    if (
      path !== 'metadata.name' &&
      path !== 'metadata.namespace' &&
      !resource.fieldSelectors.includes(path)
    ) {
      throw badRequest(
        `Unable to find "${apiVersionOf(resource)}, Resource=${resource.plural}" that match label selector "", field selector "${text}": field label not supported: ${path}`,
      );
    }
    const source = fieldSources[path] ?? { path };
    return { equals, value, read: (o: object) => fieldValue(o, source.path) || (source.absent ?? '') };
  });
  return (object) => requirements.every((r) => (r.read(object) === r.value) === r.equals);
}

/** What no label could be (labels.NewRequirement in apimachinery). */
function wrongIn({ key, operator, values = [] }: LabelSelectorRequirement): string[] {
  const names = isQualifiedName(key).map((why) => invalidValue('<nil>', key, why));
  const compares = operator === 'Gt' || operator === 'Lt';
  const others = values.flatMap((value, i) => {
    if (!compares) return isLabelValue(value).map((why) => invalidValue(`values[${i}][${key}]`, value, why));
    const why = "for 'Gt', 'Lt' operators, the value must be an integer";
    return /^[+-]?\d+$/.test(value) ? [] : [invalidValue(`values[${i}]`, value, why)];
  });
  return [...names, ...others].map(({ field, message }) => `${field}: ${message}`);
}

/** Throws ApiError BadRequest for what does not parse and for fields that the kind does not select by. */
export function selectionOf(resource: Resource, query: URLSearchParams): Selection {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  if (labels === '' && fields === '') return everything;
  try {
    const required = parseLabelSelector(labels);
    const wrong = required.flatMap(wrongIn)[0];
    if (wrong !== undefined) throw badRequest(`unable to parse requirement: ${wrong}`);
    const byLabels = allOf(required.map(compileRequirement));
    const byFields = fieldPredicate(resource, fields);
    return (object) => byLabels(object.metadata.labels) && byFields(object);
  } catch (error) {
    if (error instanceof Error && error.name === 'ApiError') throw error;
    throw badRequest(describeError(error));
  }
}
