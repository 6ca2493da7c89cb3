import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Brake } from './brake.ts';

class Source {
  isPaused = false;
  pause() {
    this.isPaused = true;
  }
  resume() {
    this.isPaused = false;
  }
}

function fed(brake: Brake): Readable {
  return new Readable({
    highWaterMark: 4,
    read() {
      brake.release(this);
    },
    destroy(error, done) {
      brake.release(this);
      done(error);
    },
  });
}

test('the source stops while one stream is full, however empty others are', () => {
  const source = new Source();
  const brake = new Brake(source);
  const [one, other] = [fed(brake), fed(brake)];
  brake.feed(one, Buffer.from('ab'));
  expect(source.isPaused).toBe(false);
  brake.feed(one, Buffer.from('cdef'));
  brake.feed(other, Buffer.from('ghijkl'));
  expect(source.isPaused).toBe(true);
  one.read();
  expect(source.isPaused).toBe(true);
  other.read();
  expect(source.isPaused).toBe(false);
});

test('a stream that is destroyed stops nobody', () => {
  const source = new Source();
  const brake = new Brake(source);
  const one = fed(brake);
  brake.feed(one, Buffer.from('abcdef'));
  one.destroy();
  expect(source.isPaused).toBe(false);
  brake.feed(one, Buffer.from('abcdef'));
  expect(source.isPaused).toBe(false);
});
