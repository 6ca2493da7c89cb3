/** CoreDNS's own cases of reading the plugin's options: what is taken, and what refused. */
import { expect, test } from 'vitest';
import { parseCorefile } from '../../corefile/parser.ts';
import { type KubernetesOptions, kubernetesDefaults, kubernetesOptions } from './options.ts';

function read(text: string): KubernetesOptions {
  const [block] = parseCorefile({ text: `. {\n${text}\n}`, file: 'Corefile', environment: {} });
  return kubernetesOptions(block!.directives, { zones: [''] });
}

const lines = (...block: string[]) => `kubernetes coredns.local clusterset.local {\n${block.join('\n')}\n}`;
const zones = ['coredns.local', 'clusterset.local'];

test.each<[string, Partial<KubernetesOptions>]>([
  ['kubernetes', { zones: [''] }],
  ['kubernetes coredns.local', { zones: ['coredns.local'] }],
  ['kubernetes Coredns.local. test.local', { zones: ['coredns.local', 'test.local'] }],
  ['kubernetes coredns.local 10.0.0.0/16', { zones: ['coredns.local', '0.10.in-addr.arpa'] }],
  ['kubernetes coredns.local {\n}', { zones: ['coredns.local'] }],
  [
    lines('endpoint http://localhost:9090 http://localhost:9091'),
    { api: { server: 'http://localhost:9090' } },
  ],
  [
    lines('endpoint https://k8s:6443', 'tls cert key cacert'),
    { api: { server: 'https://k8s:6443', tls: { cert: 'cert', key: 'key', ca: 'cacert' } } },
  ],
  [lines('kubeconfig file'), { api: { kubeconfig: { path: 'file', context: undefined } } }],
  [lines('kubeconfig file context'), { api: { kubeconfig: { path: 'file', context: 'context' } } }],
  [lines('namespaces demo'), { namespaces: new Set(['demo']) }],
  [lines('namespaces demo test', 'namespaces more'), { namespaces: new Set(['demo', 'test', 'more']) }],
  [lines('labels environment=prod'), { labels: 'environment=prod' }],
  [
    lines('labels environment in (production, staging, qa),application=nginx'),
    { labels: 'environment in (production, staging, qa),application=nginx' },
  ],
  [lines('namespace_labels istio-injection=enabled'), { namespaceLabels: 'istio-injection=enabled' }],
  [lines('pods disabled'), { pods: 'disabled' }],
  [lines('pods insecure'), { pods: 'insecure' }],
  [lines('pods verified'), { pods: 'verified' }],
  [lines('endpoint_pod_names'), { endpointPodNames: true }],
  [lines('noendpoints'), { endpoints: false }],
  [lines('ttl 0'), { ttl: 0 }],
  [lines('ttl 3600'), { ttl: 3600 }],
  [lines('fallthrough'), { fallthrough: [''] }],
  [
    lines('fallthrough ip6.arpa inaddr.arpa foo.com'),
    { fallthrough: ['ip6.arpa', 'inaddr.arpa', 'foo.com'] },
  ],
  [lines('ignore empty_service'), { ignoreEmpty: true }],
  [lines('ignore empty_service ixnay on the endpointsay'), { ignoreEmpty: true }],
  [lines('multicluster clusterset.local'), { multiclusterZones: ['clusterset.local'] }],
  [lines('multicluster'), {}],
  [lines('zonal'), { zonal: true }],
  [lines('startup_timeout 1s'), { startupTimeoutMs: 1000 }],
  [lines('apiserver_qps 50', 'apiserver_burst 100', 'apiserver_max_inflight 25'), {}],
])('%s', (text, expected) => {
  expect(read(text)).toEqual({ ...kubernetesDefaults, zones, ...expected });
});

test.each<[string, string]>([
  [lines('endpoint'), 'Corefile:3: endpoint takes at least 1 argument(s)'],
  [lines('tls cert key'), 'tls takes 3 argument(s)'],
  [lines('kubeconfig'), 'kubeconfig takes 1 to 2 argument(s)'],
  [lines('kubeconfig file context extraarg'), 'kubeconfig takes 1 to 2 argument(s)'],
  [lines('namespaces'), 'namespaces takes at least 1 argument(s)'],
  [lines('namespaces foo bar', 'namespace_labels a=b'), 'namespaces and namespace_labels exclude each other'],
  [lines('labels'), 'labels takes at least 1 argument(s)'],
  [lines('labels environment in (production, qa'), 'is no label selector'],
  [lines('namespace_labels a in (b'), 'is no label selector'],
  [lines('pods giant_seed'), 'pods knows no mode "giant_seed"'],
  [lines('pods'), 'pods takes 1 argument(s)'],
  [lines('endpoint_pod_names giant_seed'), 'endpoint_pod_names takes 0 argument(s)'],
  [lines('noendpoints ixnay on the endpointsay'), 'noendpoints takes 0 argument(s)'],
  [lines('ttl'), 'ttl takes at least 1 argument(s)'],
  [lines('ttl abc'), '"abc" is no whole number'],
  [lines('ttl 3601'), '"3601" is no whole number from 0 to 3600'],
  [lines('ttl -1'), '"-1" is no whole number'],
  [lines('ignore ixnay on the endpointsay'), 'ignore knows no "ixnay"'],
  [lines('multicluster test.local'), 'kubernetes does not serve the multicluster zone test.local'],
  [lines('multicluster clusterset.local test.local'), 'the multicluster zone test.local'],
  [lines('zonal', 'noendpoints'), 'zonal needs the endpoints'],
  [lines('zonal yes'), 'zonal takes 0 argument(s)'],
  [lines('startup_timeout'), 'startup_timeout takes at least 1 argument(s)'],
  [lines('startup_timeout soon'), '"soon" is no duration'],
  [lines('apiserver_qps -1'), 'apiserver_qps must be a number of 0 or more'],
  [lines('apiserver_burst -1'), 'apiserver_burst must be'],
  [lines('apiserver_max_inflight -1'), 'apiserver_max_inflight must be'],
  [lines('upstream'), 'kubernetes has no option "upstream"'],
  [lines('toString'), 'kubernetes has no option "toString"'],
  ['kubernetes 10.0.0.0/8', 'kubernetes has no zone but reverse ones'],
  ['kubernetes coredns.local\nkubernetes cluster.local', 'kubernetes stands twice'],
])('%s is refused', (text, problem) => {
  expect(() => read(text)).toThrow(problem);
});
