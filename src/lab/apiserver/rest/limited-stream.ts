/** A stream's first bytes. */
import { type Readable, Transform } from 'node:stream';

/** Ends after `limit` bytes and then, or when it is destroyed, ends its source too. */
export function firstBytes(source: Readable, limit: number): Readable {
  let left = limit;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      done(null, part);
      if (left > 0) return;
      source.unpipe(limited);
      limited.end();
    },
  });
  source.on('error', (error) => limited.destroy(error));
  limited.on('close', () => source.destroy());
  return source.pipe(limited);
}
