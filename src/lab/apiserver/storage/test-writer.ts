/** A process that a test kills: it changes objects as fast as it can, and says on standard output what others were told. */
import { writeSync } from 'node:fs';
import type { KubeObject } from '../../../kube/meta.ts';
import { FileStorage } from './file-storage.ts';

const [directory = '', rewriteBytes = ''] = process.argv.slice(2);
const storage = new FileStorage({ directory, cluster: {}, rewriteBytes: Number(rewriteBytes) });

storage.watch('/configmaps', storage.revision, ({ type, revision, object }) => {
  const { name } = object.metadata;
  writeSync(1, `${JSON.stringify({ type, revision, name })}\n`);
});
for (let i = 0; ; i++) {
  const name = `o${i % 17}`;
  if (i % 5 === 4) storage.remove('/configmaps', name);
  else
    storage.put('/configmaps', name, {
      metadata: { name },
      data: 'x'.repeat(i % 300),
    } as unknown as KubeObject);
}
