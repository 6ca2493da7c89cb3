/** GET /openapi/…: documents are made when first asked for and kept. */
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { loadDefinitions } from '../schema/definitions.ts';
import { pathNotFound } from '../status.ts';
import { encodeGnosticV2, gnosticV2MediaType } from './gnostic-v2.ts';
import { openApiV2 } from './openapi-v2.ts';
import { openApiV3, openApiV3Index } from './openapi-v3.ts';

const made = new Map<string, string | Uint8Array>();

async function once(name: string, make: () => Promise<string | Uint8Array>): Promise<string | Uint8Array> {
  const document = made.get(name) ?? (await make());
  made.set(name, document);
  return document;
}

async function v2(accept: string, version: string): Promise<ApiResponse> {
  const document = async () => openApiV2(await loadDefinitions(), version);
  if (accept.includes('proto-openapi.spec.v2')) {
    const raw = await once('v2 protobuf', async () => encodeGnosticV2(await document()));
    return { status: 200, contentType: gnosticV2MediaType, raw };
  }
  const raw = await once('v2', async () => JSON.stringify(await document()));
  return { status: 200, contentType: 'application/json', raw };
}

/** Throws NotFound for other paths. */
export async function handleOpenApi(request: ApiRequest, version: string): Promise<ApiResponse> {
  const path = request.path.slice('/openapi/'.length);
  if (path === 'v2') return v2(request.accept ?? '', version);
  if (path === 'v3') return { status: 200, body: openApiV3Index(version) };
  const document = openApiV3(await loadDefinitions(), path.replace(/^v3\//, ''), version);
  if (document === undefined) throw pathNotFound();
  return {
    status: 200,
    contentType: 'application/json',
    raw: await once(path, async () => JSON.stringify(document)),
  };
}
