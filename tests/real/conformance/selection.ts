/** Which of Kubernetes' network specs run, and why others do not (docs/conformance.md). */

export interface Selection {
  focus: string;
  skip: readonly Skipped[];
}

interface Skipped {
  /** Of Go's regexp, over a spec's whole text. */
  pattern: string;
  reason: string;
}

/** What every conformant cluster passes. */
export const conformance: Selection = { focus: String.raw`\[sig-network\].*\[Conformance\]`, skip: [] };

/** Every network spec but those that a cluster of this kind, or Tendril so far, has not. */
export const network: Selection = {
  focus: String.raw`\[sig-network\]`,
  skip: [
    { pattern: String.raw`\[Feature:LoadBalancer`, reason: 'needs a cloud provider' },
    { pattern: String.raw`\[Feature:Networking(IPv|DNS)`, reason: 'needs the internet' },
    { pattern: String.raw`\[Feature:(NetworkingPerformance|PerformanceDNS|Scale)`, reason: 'is a benchmark' },
    { pattern: String.raw`\[Feature:SCTPConnectivity`, reason: 'needs SCTP, which not every kernel has' },
    { pattern: String.raw`\[Provider:GCE\]`, reason: 'needs a cloud provider' },
    { pattern: 'KubeProxy', reason: 'is about kube-proxy’s own process, metrics and timeouts' },
    { pattern: String.raw`\[Disruptive\]`, reason: 'restarts the control plane by ssh' },
  ],
};

/** Words for ginkgo: what it runs, and what it leaves out. */
export function selectionFlags({ focus, skip }: Selection): string[] {
  return [`--focus=${focus}`, ...skip.map(({ pattern }) => `--skip=${pattern}`)];
}
