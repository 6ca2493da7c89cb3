/** Which fields Kubernetes' kinds have in protobuf, and what they are called in JSON. Unpacked when first asked for. */

/** What a value is on the wire and in JSON. */
export type Scalar =
  /** A string, a boolean, an int32, an int64, a double, bytes (base64 in JSON). */
  | 's'
  | 'b'
  | 'i'
  | 'l'
  | 'f'
  | 'y'
  /** Messages with a JSON form of their own: Time, MicroTime, Quantity, IntOrString, JSON as it is, a list of strings. */
  | 't'
  | 'u'
  | 'q'
  | 'x'
  | 'r'
  | 'w';

export interface Field {
  /** In JSON; '' where the message's own fields stand there in place of it. */
  name: string;
  number: number;
  scalar: Scalar | undefined;
  /** Where it is another message. */
  message: MessageType | undefined;
  /** A value is always there, as Go has it; an optional one may be absent. */
  holds: 'value' | 'optional' | 'list' | 'map';
  /** When JSON leaves it out: never, where it is empty (Go's omitempty), where it is zero (omitzero). */
  omitted: 'never' | 'empty' | 'zero';
}

export interface MessageType {
  /** `core/v1.Pod` */
  name: string;
  /** By rising number. */
  fields: Field[];
  /** Where each number is in `fields`. */
  places: ReadonlyMap<number, number>;
}

const holders: Record<string, Field['holds']> = { '*': 'optional', '[': 'list', '{': 'map' };
const omissions: Record<string, Field['omitted']> = { '?': 'empty', '!': 'zero' };

export class MessageTypes {
  readonly #byName = new Map<string, MessageType>();
  readonly #byKind = new Map<string, MessageType>();

  constructor(messages: string, kinds: string) {
    const lines = messages.trim().split('\n');
    for (const line of lines) {
      const [name = ''] = line.split(' ', 1);
      this.#byName.set(name, { name, fields: [], places: new Map() });
    }
    for (const line of lines) this.#readFields(line);
    for (const kind of kinds.trim().split('\n')) this.#byKind.set(kind, this.named(nameOf(kind)));
  }

  named(name: string): MessageType {
    const type = this.#byName.get(name);
    if (type === undefined) throw new Error(`no message ${name}`);
    return type;
  }

  /** Undefined for a kind that this server does not have, or only in JSON. */
  ofKind(apiVersion: unknown, kind: unknown): MessageType | undefined {
    // The client's libraries know it under the version of whatever is deleted.
    if (kind === 'DeleteOptions') return this.#byKind.get('v1 DeleteOptions');
    return this.#byKind.get(`${apiVersion} ${kind}`);
  }

  #readFields(line: string): void {
    const [name = '', ...fields] = line.split(' ');
    const type = this.named(name);
    type.fields = fields.map((text) => this.#field(text));
    type.places = new Map(type.fields.map(({ number }, place) => [number, place]));
  }

  /** `name?:3:*@core/v1.PodSpec` */
  #field(text: string): Field {
    const [, name = '', omitted = '', number, holder = '', value = ''] =
      /^(.*?)([?!]?):(\d+):([*[{]?)(.*)$/.exec(text)!;
    const isMessage = value.startsWith('@');
    return {
      name,
      number: Number(number),
      scalar: isMessage ? undefined : (value as Scalar),
      message: isMessage ? this.named(value.slice(1)) : undefined,
      holds: holders[holder] ?? 'value',
      omitted: omissions[omitted] ?? 'never',
    };
  }
}

const metaKinds = new Set(['DeleteOptions', 'Status']);

function nameOf(line: string): string {
  const [apiVersion = '', kind = ''] = line.split(' ');
  if (metaKinds.has(kind)) return `meta/v1.${kind}`;
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  return `${group!.replace(/\..*/, '')}/${version}.${kind}`;
}

let types: Promise<MessageTypes> | undefined;

export function loadMessageTypes(): Promise<MessageTypes> {
  types ??= import('../vendor/protobuf-fields.ts').then(
    ({ messages, kinds }) => new MessageTypes(messages, kinds),
  );
  return types;
}
