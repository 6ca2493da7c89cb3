/** A request's variables for expressions. */
import type { Resource } from '../registry/resource.ts';
import type { AdmissionParts } from './admission-context.ts';
import type { Attributes, ObjectStates } from './attributes.ts';
import type { AdmissionEngine } from './cel/engine.ts';
import type { Bindings, RequestValues } from './cel/expressions.ts';
import { reviewRequest } from './review-request.ts';

/** With `authorizer`, which not every expression may use. */
export function requestBindings(
  { bindingsOf, authorizerValue }: AdmissionEngine,
  { authorizer }: AdmissionParts,
  {
    attributes,
    resource,
    states,
    namespaceObject,
    params,
  }: {
    attributes: Attributes;
    resource: Resource;
    states: ObjectStates;
  } & Partial<Pick<RequestValues, 'namespaceObject' | 'params'>>,
): Bindings {
  const { user, subresource, namespace, name } = attributes;
  const asked = {
    group: attributes.resource.group,
    resource: attributes.resource.plural,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
  };
  return bindingsOf({
    ...states,
    request: reviewRequest(attributes, resource),
    namespaceObject,
    params,
    authorizer: authorizerValue({ authorizer, user }, asked),
  });
}
