/** The one entrance: every request, of any transport, to its answer. */
import { ApiError } from '../../kube/client/api-error.ts';
import { describeError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import type { ApiHandler, ApiRequest, ApiResponse } from './api-request.ts';
import { impersonated } from './auth/impersonation.ts';
import { requirePermission } from './auth/permission.ts';
import { openIdConfiguration } from './auth/service-account-tokens.ts';
import { discoveryDocument, versionDocument } from './discovery/discovery.ts';
import { handleOpenApi } from './openapi/openapi-handler.ts';
import { parseResourcePath } from './rest/request-path.ts';
import { handleResource } from './rest/resource-handler.ts';
import type { RestContext } from './rest/rest-context.ts';
import { handleReview } from './rest/reviews.ts';
import { internalError, pathNotFound } from './status.ts';

/** The Kubernetes whose API and OpenAPI document this is. */
export const kubernetesVersion = 'v1.36.3';

const healthPaths = new Set(['/healthz', '/livez', '/readyz']);

/** The request in the name that it is made in, once that may do it. Throws ApiError. */
function permitted(context: RestContext, request: ApiRequest): ApiRequest {
  if (request.trusted) return request;
  const own = impersonated(context, request);
  requirePermission(context, own);
  return own;
}

async function route(context: RestContext, request: ApiRequest): Promise<ApiResponse> {
  const { path, method } = request;
  const target = parseResourcePath(context.resources, path);
  if (target !== undefined) return handleResource(context, request, target);
  const review = handleReview(context, request);
  if (review !== undefined) return review;
  if (method !== 'GET') throw pathNotFound();
  if (healthPaths.has(path)) return { status: 200, contentType: 'text/plain', raw: 'ok' };
  if (path === '/version' || path === '/version/')
    return { status: 200, body: versionDocument(kubernetesVersion) };
  if (path === '/openid/v1/jwks') return { status: 200, body: context.tokens.keys() };
  if (path === '/.well-known/openid-configuration') return { status: 200, body: openIdConfiguration };
  if (path.startsWith('/openapi/')) return handleOpenApi(context.resources, request, kubernetesVersion);
  const document = discoveryDocument(context.resources, request);
  if (document === undefined) throw pathNotFound();
  return document;
}

/** A handler that never throws: an error is a Status answer, and a bug one with code 500. */
export function createHandler(context: RestContext, logger: Logger): ApiHandler {
  return async (request) => {
    try {
      return await route(context, permitted(context, request));
    } catch (error) {
      if (error instanceof ApiError) return { status: error.status.code, body: error.status };
      logger.error('request failed', { method: request.method, path: request.path, error });
      const { status } = internalError(describeError(error));
      return { status: status.code, body: status };
    }
  };
}
