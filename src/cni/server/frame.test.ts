import { expect, it } from 'vitest';
import fc from '../../util/testing/properties.ts';
import { decodeAnswer, encodeAnswer, encodeRequest, RequestReader } from './frame.ts';

const requests = fc.record({
  env: fc.dictionary(fc.stringMatching(/^CNI_[A-Z]{1,8}$/), fc.string()),
  config: fc.jsonValue(),
});

it('reads a request however the stream cuts it', () => {
  fc.assert(
    fc.property(requests, fc.integer({ min: 1, max: 40 }), (request, size) => {
      const bytes = encodeRequest(request);
      const reader = new RequestReader();
      for (let at = 0; at < bytes.length; at += size) {
        const read = reader.push(bytes.subarray(at, at + size));
        if (at + size < bytes.length) expect(read).toBeUndefined();
        else expect(read).toEqual(JSON.parse(JSON.stringify(request)));
      }
    }),
  );
});

it('refuses garbage with code 6, and never hangs on a huge length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(bytes.length);
      try {
        new RequestReader().push(Buffer.concat([header, bytes]));
      } catch (error) {
        expect(error).toMatchObject({ cniCode: 6 });
      }
    }),
  );
  expect(() => new RequestReader().push(Buffer.from([0xff, 0, 0, 0]))).toThrow('bytes long');
});

it('round-trips an answer', () => {
  fc.assert(
    fc.property(fc.record({ status: fc.nat(255), output: fc.string() }), (answer) => {
      fc.pre(!/[\ud800-\udfff]/.test(answer.output));
      expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
    }),
  );
});
