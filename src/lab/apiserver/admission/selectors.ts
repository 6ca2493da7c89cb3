/** namespaceSelector and objectSelector (admission/plugin/webhook/predicates). */
import { compileSelector, type LabelPredicate, type LabelSelector } from '../../../kube/selectors.ts';
import type { JsonObject } from '../json.ts';
import { notFound } from '../status.ts';
import type { Storage } from '../storage/storage.ts';
import { isEmptySelector } from '../validation/label-selector.ts';
import type { Attributes } from './attributes.ts';

/** Undefined where everything is selected. */
export interface Selectors {
  namespace: LabelPredicate | undefined;
  object: LabelPredicate | undefined;
}

const compiled = (selector: JsonObject | undefined) =>
  isEmptySelector(selector) ? undefined : compileSelector(selector as LabelSelector);

export function compileSelectors({ namespaceSelector, objectSelector }: JsonObject): Selectors {
  return { namespace: compiled(namespaceSelector), object: compiled(objectSelector) };
}

/** Of a namespace that is written, as it is to be. Throws NotFound. */
function namespaceLabels({ resource, ...attributes }: Attributes, storage: Storage) {
  const { operation, object, subresource, namespace } = attributes;
  const isNamespace = resource.collection === '/namespaces';
  if (isNamespace && subresource === undefined && (operation === 'CREATE' || operation === 'UPDATE'))
    return object?.metadata.labels;
  const found = storage.get('/namespaces', namespace);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
  return found.metadata.labels;
}

function namespaceSelected(selects: LabelPredicate | undefined, attributes: Attributes, storage: Storage) {
  // What is of the cluster is not spared, but for namespaces themselves.
  if (attributes.namespace === '' && attributes.resource.collection !== '/namespaces') return true;
  return selects === undefined || selects(namespaceLabels(attributes, storage));
}

/** Throws ApiError NotFound for a namespace that is not there. */
export function isSelected(
  { namespace, object: selects }: Selectors,
  attributes: Attributes,
  storage: Storage,
): boolean {
  const { object, oldObject } = attributes;
  const objectSelected =
    selects === undefined ||
    [object, oldObject].some((state) => state !== null && selects(state.metadata?.labels));
  return objectSelected && namespaceSelected(namespace, attributes, storage);
}
