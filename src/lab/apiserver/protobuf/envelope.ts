/**
 * What Kubernetes sends as `application/vnd.kubernetes.protobuf`: four bytes, then a message (runtime.Unknown) that says
 * of what kind the object is and has its own message as bytes.
 */
import type { JsonObject } from '../json.ts';
import { badRequest } from '../status.ts';
import { decodeMessage } from './decode.ts';
import { loadMessageTypes } from './message-types.ts';
import { MalformedError, WireReader, wire } from './wire-reader.ts';

export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

export const prefix = Buffer.from('k8s\0');

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Buffer;
}

/** Who they are for is in the path, too, and only there for clients that do not say it here: none is known. */
function readTypeMeta(reader: WireReader, into: Envelope): void {
  while (reader.nextField()) {
    if (reader.number > 2) reader.skip();
    else {
      const name = reader.number === 1 ? 'apiVersion' : 'kind';
      reader.expect(wire.bytes, name);
      into[name] = reader.string();
    }
  }
}

function readEnvelope(bytes: Buffer): Envelope {
  if (!bytes.subarray(0, prefix.length).equals(prefix))
    throw new MalformedError(
      `provided data does not appear to be a protobuf message, expected prefix [${[...prefix].join(' ')}]`,
    );
  const envelope: Envelope = { apiVersion: '', kind: '', raw: Buffer.alloc(0) };
  const reader = new WireReader(bytes, prefix.length);
  while (reader.nextField()) {
    if (reader.number > 2) reader.skip();
    else {
      reader.expect(wire.bytes, reader.number === 1 ? 'TypeMeta' : 'Raw');
      const part = reader.part();
      if (reader.number === 1) readTypeMeta(part, envelope);
      else envelope.raw = bytes.subarray(part.position, part.end);
    }
  }
  return envelope;
}

/** Throws ApiError BadRequest in place of a MalformedError. */
function orRefuse<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) throw badRequest(`${what}: ${error.message}`);
    throw error;
  }
}

/**
 * The object as its client would have written it in JSON.
 * @throws ApiError BadRequest for bytes that are none, and for kinds that Kubernetes itself does not have
 */
export async function decodeObject(bytes: Buffer): Promise<JsonObject> {
  const unrecognized = 'the object provided is unrecognized';
  const { apiVersion, kind, raw } = orRefuse(unrecognized, () => readEnvelope(bytes));
  if (kind === '' || apiVersion === '')
    throw badRequest(`${unrecognized}: Object '${kind === '' ? 'Kind' : 'apiVersion'}' is missing`);
  const type = (await loadMessageTypes()).ofKind(apiVersion, kind);
  if (type === undefined)
    throw badRequest(
      `${kind} of ${apiVersion} is not read as ${protobufMediaType}: no such kind is registered in it; send custom resources as application/json`,
    );
  const version = apiVersion.split('/').pop();
  const refused = `${kind} in version "${version}" cannot be handled as a ${kind}`;
  return { kind, apiVersion, ...orRefuse(refused, () => decodeMessage(type, raw)) };
}
