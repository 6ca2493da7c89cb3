/** What a scenario has made on a cluster that stays: found by what was there before, and deleted until it is gone. */
import { kubectl } from '../cluster/control-plane.ts';
import { waitFor } from '../cluster/process.ts';

/** Owners before what they own. */
const kinds =
  'deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,services,pods,configmaps,secrets,endpointslices,roles,rolebindings,networkpolicies';
const corefile = ['configmap', 'coredns', '-n', 'kube-system'];
const dns = ['-n', 'kube-system', 'rollout'];

/** Most of what scenarios run does not end when it is told to. */
const soon = ['--ignore-not-found', '--wait=false', '--grace-period=1'];

const lines = (text: string): string[] => text.split('\n').filter(Boolean);
const namespaces = () =>
  lines(kubectl('get', 'namespaces', '-o', 'name')).map((name) => name.slice('namespace/'.length));
const ofDefault = () => lines(kubectl('get', kinds, '-n', 'default', '-o', 'name'));
const readCorefile = () => kubectl('get', ...corefile, '-o', 'jsonpath={.data.Corefile}');

export class Remains {
  readonly #namespaces = namespaces();
  readonly #objects = ofDefault();
  readonly #corefile = readCorefile();

  /** The namespaces that a scenario's objects are in. */
  places(): string[] {
    return ['default', ...this.#made()];
  }

  /** Resolves once nothing is left of it, and cluster DNS serves what it served before. */
  async remove(): Promise<void> {
    for (const name of this.#made()) kubectl('delete', 'namespace', name, ...soon);
    await waitFor('the end of a scenario’s objects', 180, () => {
      const left = ofDefault().filter((name) => !this.#objects.includes(name));
      if (left.length > 0) kubectl('delete', '-n', 'default', ...left, ...soon);
      const made = this.#made();
      for (const name of made) kubectl('delete', 'pods', '--all', '-n', name, ...soon);
      return left.length + made.length === 0;
    });
    if (readCorefile() !== this.#corefile) this.#restoreDns();
  }

  #made(): string[] {
    return namespaces().filter((name) => !this.#namespaces.includes(name));
  }

  #restoreDns(): void {
    const patch = JSON.stringify({ data: { Corefile: this.#corefile } });
    kubectl('patch', ...corefile, '--type', 'merge', '-p', patch);
    kubectl(...dns, 'restart', 'daemonset/tendril-dns');
    kubectl(...dns, 'status', 'daemonset/tendril-dns', '--timeout=120s');
  }
}
