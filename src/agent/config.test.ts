import { expect, it } from 'vitest';
import { loadAgentConfig, validateAgentConfig } from './config.ts';

const config = {
  nodeName: 'node-1',
  kubeconfig: '/etc/kubeconfig',
  stateDirectory: '/var/lib/tendril',
  bpfDirectory: '/sys/fs/bpf/tendril',
  objectsDirectory: '/usr/lib/tendril/bpf',
  cgroup: '/sys/fs/cgroup',
  uplink: 'eth0',
  serviceCidrs: ['10.96.0.0/16', 'fd00:96::/112'],
  clusterPodCidrs: ['10.244.0.0/16'],
  cniSocket: '/run/tendril/cni.sock',
  cniConfDirectory: '/etc/cni/net.d',
  statusPort: 9353,
};

it('takes what is complete', () => {
  expect(validateAgentConfig(config)).toEqual(config);
  const sized = { ...config, mapSizes: { frontends: 1000 } };
  expect(validateAgentConfig(sized)).toEqual(sized);
  const chosen = {
    ...config,
    apiServers: ['https://[fd90::10]:6443'],
    healthzPort: 10_257,
    nodePortAddresses: ['primary'],
    xdp: 'native',
  };
  expect(validateAgentConfig(chosen)).toEqual(chosen);
});

it('tells every problem at once', () => {
  const bad = {
    ...config,
    nodeName: '',
    xdp: 'fast',
    kubeconfig: 'relative',
    apiServers: ['10.0.0.1:6443'],
    serviceCidrs: ['10.96.0.1/16'],
    clusterPodCidrs: ['10.0.0.0/16', '10.1.0.0/16'],
    statusPort: 0,
    nodePortAddresses: ['primary', '10.0.0.0/8'],
    mapSizes: { frontends: 0, slots: 10 },
  };
  expect(() => validateAgentConfig(bad)).toThrow(
    "the agent's configuration has no absolute path as kubeconfig; no nodeName; no list of URLs as apiServers; " +
      '"fast" as xdp, which is none of off, native, generic; a bad entry in serviceCidrs: ' +
      '"10.96.0.1/16" has host bits set; did you mean 10.96.0.0/16?; more than one of a family in clusterPodCidrs; ' +
      'no port as statusPort; a bad entry in nodePortAddresses: "primary" is no CIDR whose addresses serve NodePorts; ' +
      'no positive number as mapSizes.frontends',
  );
});

it('names a file that cannot be read', () => {
  expect(() => loadAgentConfig('/nowhere/agent.json')).toThrow('/nowhere/agent.json cannot be read');
});
