/** kubectl on resources that CustomResourceDefinitions define: Gateway API's, unchanged, and a small one. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';
import { must } from './support/tendril.ts';
import { until } from './support/until.ts';

const vendored = new URL('../vendor/custom-resource-definitions/', import.meta.url);
const published = (file: string) => brotliDecompressSync(readFileSync(new URL(file, vendored))).toString();
const gatewayApi = published('gateway-api-standard.yaml.br');

const gateway = (listeners: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: tendril
  listeners: ${listeners}
`;
const good = gateway('[{name: http, protocol: HTTP, port: 80}]');
const bad = gateway('[{name: tcp, protocol: TCP, port: 80, tls: {mode: Terminate}}]');

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
      additionalPrinterColumns:
        - {name: Size, type: integer, jsonPath: .spec.size}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          description: Something with a size.
          properties:
            spec:
              type: object
              properties:
                size: {type: integer, minimum: 1, description: How large it is.}
                replicas: {type: integer, default: 1}
            status:
              type: object
              properties:
                replicas: {type: integer}
`;
const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n';

describe.each(kubectls())('kubectl $version', (entry) => {
  const { kubectl, attempt, run, apply, follow, minor } = useKubectlLab(entry);

  test('Gateway API is installed as it is published', async () => {
    const installed = await apply(gatewayApi);
    expect(installed).toContain('gateways.gateway.networking.k8s.io created');
    expect(installed).toMatch(/validatingadmissionpolicy\S*\/safe-upgrades\S* created/);
    expect(
      await kubectl(
        'wait',
        '--for=condition=Established',
        'crd/gateways.gateway.networking.k8s.io',
        '--timeout=5s',
      ),
    ).toContain('condition met');
    expect(await apply(gatewayApi)).toContain('gateways.gateway.networking.k8s.io unchanged');
    expect(await kubectl('api-resources', '--api-group=gateway.networking.k8s.io')).toMatch(
      /gateways +gtw +gateway.networking.k8s.io\/v1 +true +Gateway/,
    );
  });

  test('a Gateway is applied, listed with its columns and explained', async () => {
    await apply(good);
    expect(await kubectl('get', 'gtw')).toMatch(
      /NAME +CLASS +ADDRESS +PROGRAMMED +AGE\nweb +tendril +Unknown/,
    );
    expect(await kubectl('explain', 'gateway.spec.gatewayClassName')).toContain(
      'GatewayClassName used for this Gateway',
    );
    expect(await kubectl('explain', 'httproutes.spec.rules.timeouts')).toContain('backendRequest');
    expect(await kubectl('describe', 'gateway', 'web')).toContain('Gateway Class Name');
    await kubectl('patch', 'gateway', 'web', '--type=merge', '-p', '{"spec":{"gatewayClassName":"other"}}');
    expect(
      await kubectl('get', 'gtw', 'web', '-o', 'jsonpath={.spec.gatewayClassName} {.metadata.generation}'),
    ).toBe('other 2');
  });

  test('a Gateway that breaks a rule is refused with what the rule says', async () => {
    const { code, stderr } = await run(['apply', '-f', '-'], { stdin: bad });
    expect(code).not.toBe(0);
    expect(stderr).toContain("tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']");
    const unknown = await run(['apply', '-f', '-'], { stdin: good.replace('gatewayClassName', 'className') });
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toMatch(/unknown field|missing required field/);
  });

  test('a definition of one’s own: objects are watched, scaled and waited for', async () => {
    await apply(widgets);
    await kubectl('wait', '--for=condition=Established', 'crd/widgets.example.com', '--timeout=5s');
    // By its full name: short ones are looked up in what kubectl remembers of the server.
    using watch = follow('get', 'widgets.example.com', '--watch', '-o', 'name');
    await apply(widget);
    await until('the watch shows the widget', () => watch.text().includes('widget.example.com/w'));
    expect(await kubectl('get', 'wd')).toMatch(/NAME +SIZE +AGE\nw +3 +\d+s/);
    expect(await kubectl('get', 'all')).toContain('widget.example.com/w');
    expect(await kubectl('explain', 'widget.spec.size')).toContain('How large it is.');
    await kubectl('scale', 'wd/w', '--replicas=4');
    expect(await kubectl('get', 'wd', 'w', '-o', 'jsonpath={.spec.replicas}')).toBe('4');
    const tooSmall = await attempt('patch', 'wd', 'w', '--type=merge', '-p', '{"spec":{"size":0}}');
    expect(tooSmall.stderr).toContain('spec.size in body should be greater than or equal to 1');
    const strategic = await attempt('patch', 'wd', 'w', '-p', '{"spec":{"size":5}}');
    expect(strategic.code).not.toBe(0);
    if (minor >= 24) {
      await kubectl(
        'patch',
        'wd',
        'w',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"replicas":4}}',
      );
      expect(await kubectl('get', 'wd', 'w', '-o', 'jsonpath={.status.replicas}')).toBe('4');
    }
  });

  test('a definition goes with its objects', async () => {
    await kubectl('delete', 'crd', 'widgets.example.com', '--timeout=10s');
    expect((await attempt('get', 'widgets.example.com')).stderr).toMatch(
      /doesn't have a resource type|NotFound/,
    );
    expect(await kubectl('get', 'crd', '-o', 'name')).not.toContain('widgets');
  });

  test('the experimental channel, too large for other ways, is applied by the server once its own policy is gone', async () => {
    const applied = async (stdin: string) =>
      (await must(run(['apply', '--server-side', '--force-conflicts', '-f', '-'], { stdin }))).trim();
    const experimental = published('gateway-api-experimental.yaml.br');
    const guarded = await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], {
      stdin: experimental,
    });
    expect(guarded.stderr).toContain(
      'Installing experimental CRDs on top of standard channel CRDs is prohibited by default.',
    );
    for (const kind of ['validatingadmissionpolicybinding', 'validatingadmissionpolicy'])
      await kubectl('delete', kind, 'safe-upgrades.gateway.networking.k8s.io');
    const definitions = experimental.split(/^---$/m).filter((text) => !/^kind: Validating/m.test(text));
    expect(await applied(definitions.join('---'))).toContain(
      'httproutes.gateway.networking.k8s.io serverside-applied',
    );
    expect(await applied(good)).toBe('gateway.gateway.networking.k8s.io/web serverside-applied');
    const refused = await run(['apply', '--server-side', '-f', '-'], { stdin: bad });
    expect(refused.stderr).toContain("tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']");
  });
});
