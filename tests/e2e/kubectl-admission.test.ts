/** kubectl meets webhooks that run in a pod behind a Service and on the machine, policies, and a conversion webhook. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateAuthority } from '../../src/lab/apiserver/pki/pki.ts';
import { isReal } from './support/control-plane.ts';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';
import { scratchFiles } from './support/scratch-files.ts';
import { until } from './support/until.ts';

const authority = createCertificateAuthority('webhooks');
const { certificate, key } = authority.serverCertificate(['hook.default.svc', '127.0.0.1']);
const caBundle = Buffer.from(authority.certificate).toString('base64');
const script = new URL('../clients/webhook/webhook.mjs', import.meta.url);
const indented = (text: string) => text.trimEnd().replaceAll(/^/gm, '    ');

const inPod = `
apiVersion: v1
kind: Secret
metadata: {name: hook}
stringData:
  tls.crt: |
${indented(certificate)}
  tls.key: |
${indented(key)}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: hook}
data:
  webhook.mjs: |
${indented(readFileSync(script, 'utf8'))}
---
apiVersion: v1
kind: Pod
metadata: {name: hook, labels: {app: hook}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: hook
      image: tendril/dns
      command: [/tendril/scripts/node, /hook/webhook.mjs, /cert, '8443', in-pod]
      readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
      volumeMounts: [{name: hook, mountPath: /hook}, {name: cert, mountPath: /cert}]
  volumes: [{name: hook, configMap: {name: hook}}, {name: cert, secret: {secretName: hook}}]
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 8443}]}
`;

const byService = (path: string) =>
  `{service: {namespace: default, name: hook, path: ${path}}, caBundle: ${caBundle}}`;

const configuration = (kind: 'Mutating' | 'Validating', name: string, clientConfig: string) => `
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: {name: ${name}}
webhooks:
  - name: pods.example.com
    clientConfig: ${clientConfig}
    rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
    objectSelector: {matchExpressions: [{key: app, operator: NotIn, values: [hook]}]}
    sideEffects: None
    timeoutSeconds: 5
    admissionReviewVersions: [v1]
`;

const pod = (name: string, labels = '{}') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: ${labels}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: nginx}]}
`;

const policy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules: [{operations: [CREATE, UPDATE], apiGroups: [apps], apiVersions: [v1], resources: [deployments]}]
  variables: [{name: most, expression: int(params.data.most)}]
  validations:
    - expression: object.spec.replicas <= variables.most
      messageExpression: "'at most ' + string(variables.most) + ' replicas'"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: few}
data: {most: '2'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few}
spec:
  policyName: few
  paramRef: {name: few, namespace: default, parameterNotFoundAction: Deny}
  validationActions: [Deny]
`;

const deployment = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx}]}}
`;

const schemaOf = (field: string) =>
  `{openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {${field}}}}}}`;
const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
    - {name: v1, served: true, storage: true, schema: ${schemaOf('size: {type: integer}')}}
    - {name: v1beta1, served: true, storage: false, schema: ${schemaOf('sizeText: {type: string}')}}
  conversion:
    strategy: Webhook
    webhook: {clientConfig: ${byService('/convert')}, conversionReviewVersions: [v1]}
`;

describe.each(kubectls())('kubectl $version', (entry) => {
  const lab = useKubectlLab(entry);
  const apply = (manifest: string) => lab.run(['apply', '-f', '-'], { stdin: manifest });
  /** What it is told, without making anything: a kube-apiserver minds what was just configured a moment later. */
  const rehearsed = async (manifest: string) =>
    (await lab.run(['apply', '--dry-run=server', '-f', '-'], { stdin: manifest })).stderr;
  const eventually = (manifest: string) => expect.poll(() => rehearsed(manifest), { timeout: 30_000 });
  const labelOf = (name: string) =>
    lab.kubectl('get', 'pod', name, '-o', 'jsonpath={.metadata.labels.seen-by}');

  beforeAll(async () => {
    await lab.apply(inPod);
    await lab.kubectl('wait', '--for=condition=Ready', 'pod/hook', '--timeout=60s');
    await lab.apply(configuration('Validating', 'pods', byService('/validate')));
    await lab.apply(configuration('Mutating', 'pods', byService('/mutate')));
  });

  test('is told what a webhook in a pod refuses and warns of', async () => {
    await eventually(pod('tom', '{cat: tom}')).toContain('in-pod lets no cats in');
    const { code, stderr } = await apply(pod('tom', '{cat: tom}'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error from server: error when creating "STDIN": admission webhook "pods.example.com" denied the request: in-pod lets no cats in\n',
    );
    expect((await apply(pod('rex', '{dog: rex}'))).stderr).toContain('Warning: in-pod has seen a dog\n');
    expect(await lab.kubectl('get', 'validatingwebhookconfigurations')).toMatch(
      /^NAME +WEBHOOKS +AGE\npods +1 /,
    );
  });

  test('finds what a webhook has changed, in what controllers make too', async () => {
    await lab.apply(pod('plain'));
    expect(await labelOf('plain')).toBe('in-pod');
    await lab.apply(deployment(1));
    await lab.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    expect(await lab.kubectl('get', 'pods', '-l', 'app=web,seen-by=in-pod', '-o', 'name')).toMatch(
      /^pod\/web-/,
    );
  });

  test('reads and writes what a webhook converts', async () => {
    await lab.apply(widgets);
    await lab.kubectl('wait', '--for=condition=Established', 'crd/widgets.example.com', '--timeout=10s');
    await lab.apply(
      'apiVersion: example.com/v1beta1\nkind: Widget\nmetadata: {name: w}\nspec: {sizeText: 3cm}',
    );
    const get = (version: string) =>
      lab.kubectl('get', `widgets.${version}.example.com`, 'w', '-o', 'jsonpath={.spec}');
    expect(JSON.parse(await get('v1'))).toEqual({ size: 3 });
    expect(JSON.parse(await get('v1beta1'))).toEqual({ sizeText: '3cm' });
  });

  test('is told what a policy refuses', async () => {
    await lab.apply(policy);
    await eventually(deployment(3)).toContain('at most 2 replicas');
    const { code, stderr } = await apply(deployment(3));
    expect(code).toBe(1);
    expect(stderr).toContain(
      "ValidatingAdmissionPolicy 'few' with binding 'few' denied request: at most 2 replicas",
    );
    expect(await lab.kubectl('get', 'validatingadmissionpolicies')).toMatch(
      /^NAME +VALIDATIONS +PARAMKIND +AGE\nfew +1 +v1\/ConfigMap /,
    );
    await lab.kubectl('delete', 'validatingadmissionpolicybinding', 'few');
    await eventually(deployment(3)).toBe('');
    await lab.apply(deployment(3));
  });

  describe('with a webhook on the machine', () => {
    const files = scratchFiles({ 'tls.crt': certificate, 'tls.key': key });
    let child: ChildProcess;
    let said = '';
    beforeAll(async () => {
      child = spawn(process.execPath, [script.pathname, files.path('.'), '0', 'on-machine']);
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await until('its port', () => /\d+\n/.test(said));
      const url = `https://127.0.0.1:${/\d+/.exec(said)![0]}/mutate`;
      await lab.apply(configuration('Mutating', 'pods', `{url: '${url}', caBundle: ${caBundle}}`));
    });
    afterAll(() => {
      child?.kill();
      files[Symbol.dispose]();
    });

    test('finds what that has changed', async () => {
      await lab.apply(pod('local'));
      expect(await labelOf('local')).toBe('on-machine');
    });
  });

  test('is told that a webhook is gone, and goes on without it', async () => {
    await lab.kubectl('delete', 'mutatingwebhookconfiguration', 'pods');
    await lab.kubectl('delete', 'pod', 'hook');
    await eventually(pod('late')).toContain('no endpoints available for service "hook"');
    const { stderr } = await apply(pod('late'));
    expect(stderr).toMatch(
      /^Error from server \(InternalError\): error when creating "STDIN": Internal error occurred: failed calling webhook "pods\.example\.com": failed to call webhook: Post "https:\/\/hook\.default\.svc:443\/validate\?timeout=5s": /m,
    );
    // Where a proxy finds the endpoints, it is what says so.
    const why = isReal ? /: proxy error from .*, code 502: 502 no endpoints/ : /timeout=5s": no endpoints/;
    expect(stderr).toMatch(why);
    await lab.kubectl('delete', 'validatingwebhookconfiguration', 'pods');
    await eventually(pod('late')).toBe('');
    await lab.apply(pod('late'));
  });
});
