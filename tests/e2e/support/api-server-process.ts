/**
 * The lab's API server alone, as a process: told by its argument where to listen and what to keep, it writes a line
 * with its port, and answers every line on stdin with an ApiReport.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { createApiServer } from '../../../src/lab/apiserver/api-server.ts';
import { FileStorage } from '../../../src/lab/apiserver/storage/file-storage.ts';
import { MemoryStorage } from '../../../src/lab/apiserver/storage/memory-storage.ts';
import { nodePorts } from '../../../src/net/ports.ts';

export interface ApiServerSettings {
  /** 0: any free one. */
  port: number;
  /** PEM. */
  certificate: string;
  key: string;
  clientCa: string;
  /** What is kept outlives the process there. */
  stateDirectory?: string;
  /** How many changes of each collection it remembers at least. */
  logLength?: number;
}

export interface ApiReport {
  residentMib: number;
  /** User and system, since the process began. */
  cpuSeconds: number;
  revision: number;
  /** Since the last report. */
  loopDelayMs: { p99: number; max: number };
}

const settings = JSON.parse(process.argv[2]!) as ApiServerSettings;
const { port, certificate, key, clientCa, stateDirectory, logLength } = settings;
const storage =
  stateDirectory === undefined
    ? new MemoryStorage({ logLength })
    : new FileStorage({ directory: stateDirectory, cluster: { name: 'test' }, logLength });
const server = createApiServer({ storage, serviceCidrs: ['10.96.0.0/16'], nodePortRange: nodePorts });
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const listener = await server.listen({ certificate, key, clientCa, at: { host: '127.0.0.1', port } });
console.log(listener.port);

for await (const _question of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  const report: ApiReport = {
    residentMib: process.memoryUsage.rss() / 2 ** 20,
    cpuSeconds: (user + system) / 1e6,
    revision: storage.revision,
    loopDelayMs: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  };
  delay.reset();
  console.log(JSON.stringify(report));
}
process.exit(0);
