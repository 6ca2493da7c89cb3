/** A pod's host name and domain, by the rules of kubelet's GeneratePodHostNameAndDomain. */
import type { Pod } from '../../kube/types.ts';

export interface PodHostname {
  /** What hostname(1) says. */
  hostname: string;
  /** The fully qualified name, where the pod has a subdomain. */
  fqdn?: string;
}

const maxHostname = 63;

export function podHostname(pod: Pod, options: { clusterDomain: string; nodeName: string }): PodHostname {
  const { spec, metadata } = pod;
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride };
  if (spec?.hostNetwork) return { hostname: options.nodeName };
  const short = (spec?.hostname || metadata.name).slice(0, maxHostname).replace(/[-.]+$/, '');
  if (!spec?.subdomain) return { hostname: short };
  const fqdn = `${short}.${spec.subdomain}.${metadata.namespace}.svc.${options.clusterDomain}`;
  return { hostname: spec.setHostnameAsFQDN ? fqdn : short, fqdn };
}
