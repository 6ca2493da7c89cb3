/** Passes cluster DNS on, where the API server is reached: `node dns-change.ts KUBECONFIG replace | restore FOUND`. */
import { replaceDns, restoreDns } from '../../src/install/dns.ts';
import { createHttpClient } from '../../src/kube/client/http-client.ts';
import { loadKubeconfig } from '../../src/kube/client/kubeconfig.ts';

const [kubeconfig, what, found = '{}'] = process.argv.slice(2);
const client = createHttpClient(await loadKubeconfig(kubeconfig));
const step = (text: string) => process.stderr.write(`${text}\n`);
if (what === 'replace') process.stdout.write(JSON.stringify(await replaceDns(client, { step })));
else await restoreDns(client, JSON.parse(found), { step });
client.close();
