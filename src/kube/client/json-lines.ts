/** Splits a byte stream into lines and decodes each, without holding more than one unfinished line. */
export async function* jsonLines(
  stream: AsyncIterable<Buffer>,
  decode: (line: string) => unknown,
): AsyncGenerator<unknown> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end);
      const line = rest.length === 0 ? tail : Buffer.concat([...rest, tail]);
      rest = [];
      start = end + 1;
      if (line.length > 0) yield decode(line.toString());
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
}
