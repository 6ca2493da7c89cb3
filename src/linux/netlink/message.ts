/** Netlink messages (netlink(7), struct nlmsghdr) and what the kernel answers: errors, acknowledgements, dumps. */
import { align4, decodeAttributes, malformed, readText } from './attribute.ts';

export interface Message {
  /** RTM_*, or NLMSG_* below 16. */
  type: number;
  flags: number;
  sequence: number;
  payload: Uint8Array;
}

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an answer: the error's payload was left out; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;
const headerSize = 16;

/** One message, padded to 4 bytes. */
export function encodeMessage(message: Message): Uint8Array {
  const { type, flags, sequence, payload } = message;
  const bytes = new Uint8Array(align4(headerSize + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, headerSize + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(payload, headerSize);
  return bytes;
}

/**
 * All messages of a datagram. Payloads are views of `bytes`.
 * @throws KernelError EBADMSG when lengths do not fit
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + headerSize <= bytes.length; ) {
    const length = view.getUint32(offset, true);
    if (length < headerSize || offset + length > bytes.length) throw malformed('length');
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      payload: bytes.subarray(offset + headerSize, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

export interface Verdict {
  /** 0 is an acknowledgement. */
  errno: number;
  /** The extended acknowledgement's text, where the kernel gives one. */
  reason?: string;
}

/** The content of NLMSG_ERROR, or of NLMSG_DONE, whose first field is a status too. */
export function decodeVerdict(message: Message): Verdict {
  const { payload, flags, type } = message;
  if (payload.length < 4) {
    if (type === NLMSG_DONE) return { errno: 0 };
    throw malformed('error');
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = Math.max(0, -view.getInt32(0, true));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno };
  const reason = decodeAttributes(payload.subarray(attributesOffset(view, type, flags))).get(
    NLMSGERR_ATTR_MSG,
  );
  return reason === undefined ? { errno } : { errno, reason: readText(reason) };
}

/** After the status follow the request's header and, unless capped, its payload. */
function attributesOffset(view: DataView, type: number, flags: number): number {
  if (type === NLMSG_DONE) return 4;
  if (view.byteLength < 4 + headerSize) throw malformed('error');
  return 4 + ((flags & NLM_F_CAPPED) !== 0 ? headerSize : align4(view.getUint32(4, true)));
}
