/**
 * Kubernetes' wire types, as the API server returns them: metadata is always there, with a name, a uid and
 * a resourceVersion. Types only; nothing of the package that defines them is loaded at run time.
 */
import type { IControllerRevision } from 'kubernetes-models/apps/v1/ControllerRevision';
import type { IDaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IReplicaSet } from 'kubernetes-models/apps/v1/ReplicaSet';
import type { IStatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import type { ICronJob } from 'kubernetes-models/batch/v1/CronJob';
import type { IJob } from 'kubernetes-models/batch/v1/Job';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1/Lease';
import type { IEndpointSlice } from 'kubernetes-models/discovery.k8s.io/v1/EndpointSlice';
import type { IIPAddress } from 'kubernetes-models/networking.k8s.io/v1/IPAddress';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IServiceCIDR } from 'kubernetes-models/networking.k8s.io/v1/ServiceCIDR';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IContainerStatus } from 'kubernetes-models/v1/ContainerStatus';
import type { IEndpoints } from 'kubernetes-models/v1/Endpoints';
import type { IEvent } from 'kubernetes-models/v1/Event';
import type { INamespace } from 'kubernetes-models/v1/Namespace';
import type { INode } from 'kubernetes-models/v1/Node';
import type { IPod } from 'kubernetes-models/v1/Pod';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';
import type { IProbe } from 'kubernetes-models/v1/Probe';
import type { ISecret } from 'kubernetes-models/v1/Secret';
import type { IService } from 'kubernetes-models/v1/Service';
import type { IServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { IServicePort } from 'kubernetes-models/v1/ServicePort';
import type { IVolume } from 'kubernetes-models/v1/Volume';
import type { ObjectMeta } from './meta.ts';

/** An object of the API server's, its metadata complete. */
export type Stored<T> = Omit<T, 'metadata'> & { metadata: ObjectMeta };

export type ConfigMap = Stored<IConfigMap>;
export type ControllerRevision = Stored<IControllerRevision>;
export type DaemonSet = Stored<IDaemonSet>;
export type Deployment = Stored<IDeployment>;
export type Endpoints = Stored<IEndpoints>;
export type EndpointSlice = Stored<IEndpointSlice>;
export type KubeEvent = Stored<IEvent>;
export type Lease = Stored<ILease>;
export type Namespace = Stored<INamespace>;
export type NetworkPolicy = Stored<INetworkPolicy>;
export type Node = Stored<INode>;
export type Pod = Stored<IPod>;
export type ReplicaSet = Stored<IReplicaSet>;
export type Secret = Stored<ISecret>;
export type Service = Stored<IService>;
export type ServiceAccount = Stored<IServiceAccount>;
export type StatefulSet = Stored<IStatefulSet>;
export type CronJob = Stored<ICronJob>;
export type IpAddress = Stored<IIPAddress>;
export type ServiceCidr = Stored<IServiceCIDR>;
export type Job = Stored<IJob>;
export type PodDisruptionBudget = Stored<IPodDisruptionBudget>;

export type Container = IContainer;
export type ContainerStatus = IContainerStatus;
export type PodSpec = IPodSpec;
export type PodTemplateSpec = IPodTemplateSpec;
export type Probe = IProbe;
export type ServicePort = IServicePort;
export type Volume = IVolume;
