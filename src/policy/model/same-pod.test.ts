import { expect, test } from 'vitest';
import { keepPod } from '../kept-pods.ts';
import { pod } from '../testing/objects.ts';
import { isSamePod, mirrorAnnotation } from './same-pod.ts';

test('a pod is known by its uid, or by its name where the runtime told none', () => {
  const one = pod('a/one', { uid: 'one' });
  expect([isSamePod(one, 'one'), isSamePod(one, undefined), isSamePod(one, 'other')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('the API’s image of a pod from a kubelet’s files is known by the uid that this has there', () => {
  const mirror = pod('a/static', { uid: 'of the api' });
  mirror.metadata.annotations = { [mirrorAnnotation]: 'of the file', other: 'x' };
  const kept = keepPod(mirror);
  expect(kept.metadata.annotations).toEqual({ [mirrorAnnotation]: 'of the file' });
  expect([isSamePod(kept, 'of the file'), isSamePod(kept, 'of another')]).toEqual([true, false]);
});
