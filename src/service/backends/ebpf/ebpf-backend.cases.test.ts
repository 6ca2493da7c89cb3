import { backendCases } from '../../backend.cases.ts';
import { EbpfServiceBackend } from './ebpf-backend.ts';
import { testDatapath, trace } from './testing-datapath.ts';

backendCases('ebpf on maps in memory', () => {
  const at = testDatapath();
  return {
    backend: new EbpfServiceBackend(at.datapath),
    where: (packet) => trace(at, packet),
    restarted: () => new EbpfServiceBackend(testDatapath({ bpf: at.bpf }).datapath),
    close() {},
  };
});
