/** The text of a manifest's file: UTF-8, as JSON demands and kubectl reads it. */
import { isUtf8 } from 'node:buffer';
import { TendrilError } from '../../util/errors.ts';

const newline = 0x0a;

/**
 * A byte order mark is dropped.
 * @param source the file's name, for messages
 * @throws TendrilError BAD_MANIFEST with `source:line` where the bytes are something else
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  if (isUtf16(bytes)) throw notText(`${source}:1: this is UTF-16, not UTF-8`, 'UTF-16', source);
  if (!isUtf8(bytes)) {
    const message = `${source}:${firstBadLine(bytes)}: this line is not UTF-8`;
    throw notText(message, 'ENCODING', source);
  }
  return new TextDecoder().decode(bytes);
}

/** By its byte order mark; or by a NUL beside the first character, which every manifest begins with in ASCII. */
function isUtf16([first, second]: Uint8Array): boolean {
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return marked || (first === 0) !== (second === 0);
}

function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(newline, from);
    const to = end < 0 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(from, to))) return line;
    from = to;
  }
  return line;
}

function notText(message: string, encoding: string, source: string): TendrilError {
  const remedy = `Convert it: iconv -f ${encoding} -t UTF-8 ${source === 'stdin' ? '' : `${source} `}> FILE`;
  return new TendrilError('BAD_MANIFEST', message, { remedy });
}
