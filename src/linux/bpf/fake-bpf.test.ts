import { bpfCases } from './bpf.cases.ts';
import { FakeBpf } from './fake-bpf.ts';

bpfCases('FakeBpf', () => ({
  bpf: new FakeBpf({
    'pod.bpf.o': {
      maps: [
        { name: 'endpoints', keySize: 4, valueSize: 32, maxEntries: 4096 },
        { name: 'node_config', keySize: 4, valueSize: 64, maxEntries: 1, array: true },
      ],
      programs: ['pod_ingress'],
    },
  }),
  objectsDirectory: '/objects',
  pinDirectory: '/pins',
  close: () => {},
}));
