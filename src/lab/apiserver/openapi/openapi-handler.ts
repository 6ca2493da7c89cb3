/** GET /openapi/…: documents are made when first asked for and kept until what is served changes. */
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';
import { pathNotFound } from '../status.ts';
import { encodeGnosticV2, gnosticV2MediaType } from './gnostic-v2.ts';
import { openApiV2 } from './openapi-v2.ts';
import { openApiV3, openApiV3Index } from './openapi-v3.ts';

interface Made {
  revision: number;
  documents: Map<string, string | Uint8Array>;
}

const made = new WeakMap<ResourceRegistry, Made>();

async function once(
  registry: ResourceRegistry,
  name: string,
  make: () => Promise<string | Uint8Array>,
): Promise<string | Uint8Array> {
  const { revision } = registry;
  let kept = made.get(registry);
  if (kept?.revision !== revision) {
    kept = { revision, documents: new Map() };
    made.set(registry, kept);
  }
  const document = kept.documents.get(name) ?? (await make());
  if (registry.revision === revision) kept.documents.set(name, document);
  return document;
}

async function v2(registry: ResourceRegistry, accept: string, version: string): Promise<ApiResponse> {
  const document = () => openApiV2(registry.all, version);
  if (accept.includes('proto-openapi.spec.v2')) {
    const raw = await once(registry, 'v2 protobuf', async () => encodeGnosticV2(await document()));
    return { status: 200, contentType: gnosticV2MediaType, raw };
  }
  const raw = await once(registry, 'v2', async () => JSON.stringify(await document()));
  return { status: 200, contentType: 'application/json', raw };
}

/** Throws NotFound for other paths. */
export async function handleOpenApi(
  registry: ResourceRegistry,
  request: ApiRequest,
  version: string,
): Promise<ApiResponse> {
  const path = request.path.slice('/openapi/'.length);
  if (path === 'v2') return v2(registry, request.accept ?? '', version);
  if (path === 'v3') {
    const raw = await once(registry, 'v3', async () =>
      JSON.stringify(await openApiV3Index(registry, version)),
    );
    return { status: 200, contentType: 'application/json', raw };
  }
  const raw = await once(registry, path, async () => {
    const document = await openApiV3(registry, path.replace(/^v3\//, ''), version);
    if (document === undefined) throw pathNotFound();
    return JSON.stringify(document);
  });
  return { status: 200, contentType: 'application/json', raw };
}
