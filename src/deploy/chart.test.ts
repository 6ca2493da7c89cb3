import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { parsePodSettings } from '../agent/pod/settings.ts';
import { parse } from '../util/yaml.ts';
import { chartFiles } from './chart.ts';
import { imageName } from './image-name.ts';
import { valueCatalogue } from './value-catalogue.ts';
import { defaultValues } from './values.ts';

const files = chartFiles(packageJson.version);
const names = Object.keys(valueCatalogue);

test('deploy/chart is what the sources make: scripts/node scripts/deploy.ts', () => {
  for (const [path, text] of Object.entries(files))
    expect(readFileSync(join(import.meta.dirname, '../../deploy/chart', path), 'utf8')).toBe(text);
});

test('its values are the command’s, with the same defaults, each described', () => {
  const { agent: _, ...defaults } = defaultValues(imageName(packageJson.version));
  expect(parse(files['values.yaml']!)).toEqual(defaults);
  for (const name of names) expect(files['values.yaml']).toMatch(new RegExp(`^# .+\\n(# )?${name}:`, 'm'));
});

test('its schema knows these values and no other', () => {
  const schema = JSON.parse(files['values.schema.json']!);
  expect(Object.keys(schema.properties).sort()).toEqual([...names, 'global'].sort());
  expect(schema.additionalProperties).toBe(false);
});

test('the agent’s settings among them are all that it reads', () => {
  const settings = Object.entries(valueCatalogue).flatMap(([name, entry]) =>
    'agent' in entry ? [name] : [],
  );
  for (const name of settings) expect(() => parsePodSettings(JSON.stringify({ [name]: [] }))).not.toThrow();
  const remedy = `There are: ${settings.join(', ')}.`.split(/[ ,.:]+/).sort();
  expect(() => parsePodSettings('{"none":1}')).toThrow(
    expect.objectContaining({
      remedy: expect.toSatisfy((text: string) => `${text.split(/[ ,.:]+/).sort()}` === `${remedy}`),
    }),
  );
});

test('every value has its place in the objects', () => {
  const template = files['templates/tendril.yaml']!;
  for (const name of ['image', 'cgroup', 'zone', 'imagePullSecrets'])
    expect(template).toContain(`.Values.${name} `.replace('imagePullSecrets ', 'imagePullSecrets'));
  for (const part of ['dir', 'base']) expect(template).toContain(`{{ ${part} .Values.kubeletConfig`);
  expect(template.match(/include "tendril\.settings"/g)).toHaveLength(2);
  expect(template).not.toMatch(/pull-secrets|kubelet-(directory|file)|"\{\{/);
});
