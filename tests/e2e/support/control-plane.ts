/**
 * Which control plane the labs of these tests have: the lab's own, or with TENDRIL_TEST_CONTROL_PLANE=real a real one
 * for each lab, by tests/real/control-plane. The tests are the same.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, root, run } from './tendril.ts';

export interface TestControlPlane {
  /** For `tendril up`. */
  readonly args: readonly string[];
  readonly kubeconfig: string;
  /** The API server alone. */
  stop(): Promise<void>;
  start(): Promise<void>;
  down(): Promise<void>;
}

export const isReal = process.env.TENDRIL_TEST_CONTROL_PLANE === 'real';

const script = join(root, 'tests', 'real', 'control-plane');

export interface ControlPlaneOptions {
  /** As `tendril up --ip-family` takes it. */
  family?: string | undefined;
  /** `api`: only those whose work the lab's own API server does, and no scheduler. */
  controllers?: 'all' | 'api';
  /** Likewise; the usual ones where they are absent. */
  podCidrs?: string | undefined;
  serviceCidrs?: string | undefined;
  /** Its ways to Services, pods and kubelets lead through the lab's socket; else it dials kubelets, and nothing more. */
  egress?: boolean;
}

export async function startControlPlane({
  family = 'dual',
  controllers = 'all',
  podCidrs = '',
  serviceCidrs = '',
  egress = false,
}: ControlPlaneOptions = {}): Promise<TestControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-control-plane-'));
  const egressSocket = egress ? join(directory, 'egress.sock') : '';
  const call = async (command: string): Promise<void> => {
    const env = {
      IP_FAMILY: family,
      CONTROLLERS: controllers,
      POD_CIDRS: podCidrs,
      SERVICE_CIDRS: serviceCidrs,
      EGRESS: egressSocket,
    };
    await must(run(script, [command, directory], { env }));
  };
  try {
    await call('up');
  } catch (error) {
    await call('down');
    throw error;
  }
  const kubeconfig = join(directory, 'kubeconfig');
  return {
    args: [
      '--external-apiserver',
      '--kubeconfig',
      kubeconfig,
      ...(egress ? ['--egress-socket', egressSocket] : []),
    ],
    kubeconfig,
    stop: () => call('stop'),
    start: () => call('start'),
    down: () => call('down'),
  };
}
