/**
 * The Swagger document as gnostic's openapi.v2.Document: kubectl up to 1.23 asks for nothing else. Numbers
 * are those of OpenAPIv2.proto (google/gnostic-models); only what the document has is encoded.
 */
import type { Schema } from '../schema/definitions.ts';
import type { SwaggerDocument, SwaggerOperation, SwaggerParameter } from './openapi-v2.ts';
import { type Encoded, flag, message, text, texts } from './protobuf.ts';

/** Asked for with `@v1.0`, which is no valid media type, and answered with this, which old clients take too. */
export const gnosticV2MediaType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Any { yaml = 2 }: JSON is YAML. */
const any = (field: number, value: unknown): Encoded => message(field, text(2, `${JSON.stringify(value)}\n`));

/** NamedAny { name = 1, value = 2 }. */
const named = (field: number, name: string, value: unknown): Encoded =>
  message(field, text(1, name), any(2, value));

function extensions(field: number, of: object): Encoded {
  const own = Object.entries(of).filter(([key]) => key.startsWith('x-'));
  return Buffer.concat(own.map(([key, value]) => named(field, key, value)));
}

function schemaParts(schema: Schema): Encoded[] {
  const { additionalProperties, items, properties } = schema;
  return [
    text(1, schema.$ref),
    text(2, schema.format),
    text(4, schema.description),
    schema.default === undefined ? Buffer.alloc(0) : any(5, schema.default),
    texts(19, schema.required),
    // AdditionalPropertiesItem { schema = 1 }, TypeItem { value = 1 }, ItemsItem { schema = 1 }
    additionalProperties ? message(21, message(1, ...schemaParts(additionalProperties))) : Buffer.alloc(0),
    schema.type ? message(22, text(1, schema.type)) : Buffer.alloc(0),
    items ? message(23, message(1, ...schemaParts(items))) : Buffer.alloc(0),
    properties ? message(25, namedSchemas(properties)) : Buffer.alloc(0),
    extensions(31, schema),
  ];
}

/** NamedSchema { name = 1, value = 2 }, as both Properties and Definitions hold them in field 1. */
function namedSchemas(schemas: Readonly<Record<string, Schema>>): Encoded {
  return Buffer.concat(
    Object.entries(schemas).map(([name, schema]) =>
      message(1, text(1, name), message(2, ...schemaParts(schema))),
    ),
  );
}

/** ParametersItem { parameter = 1 { non_body_parameter = 2 { query_parameter_sub_schema = 3 } } } */
function parameter({ name, description, type, in: place, uniqueItems }: SwaggerParameter): Encoded {
  const query = message(
    3,
    text(2, place),
    text(3, description),
    text(4, name),
    text(6, type),
    flag(20, uniqueItems),
  );
  return message(8, message(1, message(2, query)));
}

/** Responses { response_code = 1 { name = 1, value = 2 { response = 1 } } } */
function responses(of: SwaggerOperation['responses']): Encoded[] {
  return Object.entries(of).map(([code, { description, schema }]) => {
    const response = message(
      1,
      text(1, description),
      schema ? message(2, message(1, ...schemaParts(schema))) : Buffer.alloc(0),
    );
    return message(1, text(1, code), message(2, response));
  });
}

function operation(field: number, of: SwaggerOperation): Encoded {
  return message(
    field,
    text(5, of.operationId),
    texts(6, of.produces),
    texts(7, of.consumes),
    ...of.parameters.map(parameter),
    message(9, ...responses(of.responses)),
    extensions(13, of),
  );
}

export function encodeGnosticV2(document: SwaggerDocument): Buffer {
  const paths = Object.entries(document.paths).map(([path, { patch }]) =>
    message(2, text(1, path), message(2, operation(8, patch))),
  );
  return Buffer.concat([
    text(1, document.swagger),
    message(2, text(1, document.info.title), text(2, document.info.version)),
    message(8, ...paths),
    message(9, namedSchemas(document.definitions)),
  ]);
}
