/** ServiceImports of the Multi-Cluster Services API (KEP-1645): Services that other clusters of the set offer. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { ResourceType } from '../../../kube/resources.ts';

export interface ServiceImport extends KubeObject {
  spec?: {
    type?: 'ClusterSetIP' | 'Headless';
    ips?: string[];
    ports?: { name?: string; protocol?: string; port: number }[];
  };
}

export const serviceImports: ResourceType<ServiceImport> = {
  group: 'multicluster.x-k8s.io',
  version: 'v1alpha1',
  kind: 'ServiceImport',
  plural: 'serviceimports',
  namespaced: true,
};

/** Labels of EndpointSlices that belong to a ServiceImport. */
export const importLabels = {
  service: 'multicluster.kubernetes.io/service-name',
  cluster: 'multicluster.kubernetes.io/source-cluster',
} as const;
