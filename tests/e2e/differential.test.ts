/**
 * The same requests to kube-apiserver and to the lab's API server. Where their answers differ is written down in
 * `differential/known-differences/`, a file for each subject; anything else is a failure, and so is a difference that is
 * gone. `make test-external TESTS=tests/e2e/differential.test.ts`; TESTS='… -u' writes them anew.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiEndpoint, loadKubeconfig } from '../../src/kube/client/kubeconfig.ts';
import { converse } from './differential/case.ts';
import { cases } from './differential/cases/index.ts';
import { differences } from './differential/differences.ts';
import { type StandIn, startStandIn } from './differential/stand-in.ts';
import { isReal, startControlPlane, type TestControlPlane } from './support/control-plane.ts';

const known = join(import.meta.dirname, 'differential', 'known-differences');

describe.skipIf(!isReal)('kube-apiserver and the lab’s API server answer alike', () => {
  let plane: TestControlPlane;
  let real: ApiEndpoint;
  let lab: StandIn;
  let count = 0;

  beforeAll(async () => {
    plane = await startControlPlane({ controllers: 'api' });
    real = await loadKubeconfig(plane.kubeconfig);
    lab = await startStandIn();
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await plane?.down();
  });

  test.each(Object.entries(cases))(
    '%s, but for what is known',
    async (subject, list) => {
      const texts: string[] = [];
      for (const one of list) {
        const namespace = `case-${count++}`;
        const [theirs, ours] = await Promise.all([
          converse(real, namespace, one),
          converse(lab.endpoint, namespace, one),
        ]);
        texts.push(differences(one.name, theirs, ours));
      }
      await expect(texts.filter(Boolean).join('\n')).toMatchFileSnapshot(join(known, `${subject}.txt`));
    },
    120_000,
  );
});
