import { expect, test } from 'vitest';
import { deployValues, mergeValues, parseSetting, parseValuesFile, valuesOfNodes } from './values.ts';

const set = (...texts: string[]) => mergeValues(texts.map(parseSetting));

test('later values win; lists have commas; maps get more entries', async () => {
  const file = await parseValuesFile('v.yaml', 'uplink: eth0\nmapSizes: {a: 1, b: 2}\napiServers: []\n');
  const settings = ['uplink=bond0', 'serviceCidrs=10.96.0.0/16,fd96::/112', 'mapSizes.b=3', 'healthzPort=1'];
  expect(mergeValues([file, ...settings.map(parseSetting)])).toEqual({
    uplink: 'bond0',
    apiServers: [],
    serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
    mapSizes: { a: 1, b: 3 },
    healthzPort: 1,
  });
});

test('an empty file has no values; one that is no map is refused', async () => {
  expect((await parseValuesFile('v.yaml', '')).values).toEqual({});
  await expect(parseValuesFile('v.yaml', '- a')).rejects.toThrow('v.yaml is no map of values');
  await expect(parseValuesFile('v.yaml', 'a: [')).rejects.toThrow('v.yaml is no YAML');
});

test('every problem is told at once, with what a misspelt key may mean', () => {
  const bad = () => set('uplnk=eth0', 'xdp=fast', 'cgroup=sys', 'serviceCidrs=10.0.0.0/8,11.0.0.0/8');
  expect(bad).toThrow('--set uplnk: there is no value "uplnk"; did you mean uplink?');
  expect(bad).toThrow('xdp is one of off, native, generic, not "fast"');
  expect(bad).toThrow('cgroup is an absolute path, not "sys"');
  expect(bad).toThrow('serviceCidrs has more than one of a family');
  expect(() => parseSetting('uplink')).toThrow('--set uplink is not KEY=VALUE');
  expect(() => set('constructor=1', 'healthzPort=http', 'apiServers=x', 'mapSizes.a=big')).toThrow(
    /no value "constructor"[\s\S]*healthzPort is a port[\s\S]*a list of URLs[\s\S]*positive numbers/,
  );
});

test('of recorded values nodes are given back by those of them alone', () => {
  const recorded = { image: 'r/t:1', cniConfDirectory: '/c', uplink: 'eth0', ofAnotherVersion: true };
  expect(valuesOfNodes(recorded)).toEqual({ image: 'r/t:1', cniConfDirectory: '/c' });
});

test('the agent’s settings are told to it, the rest chooses the objects', () => {
  expect(deployValues(set('uplink=eth1', 'zone=my.zone', 'imagePullSecrets=a,b'), 'tendril:1')).toEqual({
    image: 'tendril:1',
    imagePullSecrets: ['a', 'b'],
    cgroup: '/sys/fs/cgroup',
    kubeletConfig: '/etc/kubernetes/kubelet.conf',
    zone: 'my.zone',
    agent: { uplink: 'eth1' },
  });
});
