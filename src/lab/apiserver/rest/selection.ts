/** Label and field selectors of a request as one predicate. */
import type { KubeObject } from '../../../kube/meta.ts';
import { compileLabelSelectorText, fieldValue, parseFieldSelector } from '../../../kube/selectors.ts';
import { describeError } from '../../../util/errors.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { badRequest } from '../status.ts';

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

/** Throws ApiError BadRequest for what does not parse and for fields that the kind does not select by. */
export function selectionOf(resource: Resource, query: URLSearchParams): Selection {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  if (labels === '' && fields === '') return everything;
  try {
    const byLabels = compileLabelSelectorText(labels);
    const byFields = fieldPredicate(resource, fields);
    return (object) => byLabels(object.metadata.labels) && byFields(object);
  } catch (error) {
    if (error instanceof Error && error.name === 'ApiError') throw error;
    throw badRequest(describeError(error));
  }
}
