/**
 * Tendril as a Helm chart: the same objects as the manifest's, with the values left open. Made of the same source, so that
 * the two cannot differ: the objects are made once with words in the values' places, which then become Helm's actions.
 */
import { stringify } from '../util/yaml.ts';
import { usualCni } from './agent-objects.ts';
import { imageName } from './image-name.ts';
import { deployObjects } from './manifest.ts';
import { type ValueEntry, type ValueName, type ValueType, valueCatalogue } from './value-catalogue.ts';
import { type DeployValues, defaultValues } from './values.ts';

const entries: readonly [string, ValueEntry][] = Object.entries(valueCatalogue);
const settings = entries.filter(([, { agent }]) => agent).map(([name]) => name);

const action = (text: string): string => `{{ ${text} }}`;

/** One that may not be given. */
const setting = (name: ValueName, usual: string): string =>
  action(`get .Values "${name}" | default "${usual}" | quote`);

/** Each file's text by its path in the chart. */
export function chartFiles(version: string): Record<string, string> {
  const values = defaultValues(imageName(version));
  return {
    'Chart.yaml': made + stringify(chart(version)),
    'values.yaml': renderValues(values),
    'values.schema.json': `${JSON.stringify(valuesSchema(), null, 2)}\n`,
    'templates/_settings.tpl': settingsTemplate,
    'templates/tendril.yaml': renderTemplate(values),
  };
}

const made = '# Made by scripts/deploy.ts.\n';

const chart = (version: string) => ({
  apiVersion: 'v2',
  ...{ name: 'tendril', type: 'application', version, appVersion: version },
  description: "A Kubernetes cluster's network, Services and DNS, with an eBPF datapath.",
  kubeVersion: '>=1.30.0-0',
});

/** Those that have a default stand in it; the agent's settings are there to be uncommented. */
function renderValues(values: DeployValues): string {
  const parts = entries.map(([name, { description, oneOf }]) => {
    const words = oneOf === undefined ? description : `${description} One of ${oneOf.join(', ')}.`;
    const value = (values as unknown as Record<string, unknown>)[name];
    const line = value === undefined ? `# ${name}:\n` : stringify({ [name]: value });
    return `# ${words}\n${line}`;
  });
  return [made, ...parts].join('\n');
}

const word = { type: 'string', pattern: '^\\S+$' } as const;
const list = (items: object) => ({ type: 'array', items });

const schemas: Readonly<Record<ValueType, object>> = {
  string: word,
  path: { type: 'string', pattern: '^/\\S*$' },
  port: { type: 'integer', minimum: 1, maximum: 65_535 },
  strings: list(word),
  cidrs: list({ type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]{1,3}$' }),
  urls: list({ type: 'string', pattern: '^https?://\\S+$' }),
  sizes: { type: 'object', additionalProperties: { type: 'integer', minimum: 1 } },
};

function valuesSchema(): object {
  const properties = entries.map(([name, { type, description, oneOf }]) => [
    name,
    { ...schemas[type], ...(oneOf && { enum: oneOf }), description },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    // What a chart that this one is a part of hands down.
    properties: { ...Object.fromEntries(properties), global: { type: 'object' } },
    required: entries.filter(([, { agent }]) => !agent).map(([name]) => name),
    additionalProperties: false,
  };
}

/** The agent's settings that are given, as JSON. */
const settingsTemplate = `{{- define "tendril.settings" -}}
{{- $values := .Values -}}
{{- $settings := dict -}}
{{- range $name := list ${settings.map((name) => `"${name}"`).join(' ')} -}}
{{- if hasKey $values $name -}}
{{- $_ := set $settings $name (index $values $name) -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson $settings -}}
{{- end -}}
`;

const secret = 'pull-secrets';
const kubelet = { directory: '/kubelet-directory', file: 'kubelet-file' };

function renderTemplate(values: DeployValues): string {
  const open = {
    image: action('.Values.image'),
    cgroup: action('.Values.cgroup'),
    zone: action('.Values.zone'),
    kubeletConfig: `${kubelet.directory}/${kubelet.file}`,
    imagePullSecrets: [secret],
    agent: {},
  };
  const documents = deployObjects({ ...values, ...open }).map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return made + documents.map((text) => `---\n${withActions(text)}`).join('');
}

function withActions(text: string): string {
  return text
    .replaceAll(/"\{\{ (\.Values\.\w+) \}\}"/g, (_, value: string) => action(`${value} | quote`))
    .replaceAll(new RegExp(`^( +)imagePullSecrets:\\n +- name: ${secret}\\n`, 'gm'), pullSecretsTemplate)
    .replaceAll(kubelet.directory, action('dir .Values.kubeletConfig | quote'))
    .replaceAll(kubelet.file, action('base .Values.kubeletConfig'))
    .replaceAll(usualCni.conf, setting('cniConfDirectory', usualCni.conf))
    .replaceAll(usualCni.bin, setting('cniBinDirectory', usualCni.bin))
    .replace(
      /^( +)agent\.json: \|\n +\{\}\n/m,
      '$1agent.json: |\n{{ include "tendril.settings" . | indent 4 }}\n',
    )
    .replace(
      /^( +tendril\.dev\/settings: )\S+\n/m,
      '$1{{ printf "%s\\n" (include "tendril.settings" .) | sha256sum }}\n',
    );
}

const pullSecretsTemplate = (_: string, indent: string): string =>
  [
    '{{- with .Values.imagePullSecrets }}',
    'imagePullSecrets:',
    '  {{- range . }}',
    '  - name: {{ . | quote }}',
    '  {{- end }}',
    '{{- end }}',
  ]
    .map((line) => `${indent}${line}\n`)
    .join('');
