import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IJob } from 'kubernetes-models/batch/v1';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IContainer, IPodSpec, ISecret, IService, IServiceAccount } from 'kubernetes-models/v1';
import type { KubernetesObject } from './kustomize.ts';
import type { IPodMonitor, IPrometheusRule } from './operator-types.ts';

interface Kinds {
  ConfigMap: IConfigMap;
  Deployment: IDeployment;
  Job: IJob;
  NetworkPolicy: INetworkPolicy;
  PodDisruptionBudget: IPodDisruptionBudget;
  PodMonitor: IPodMonitor;
  PrometheusRule: IPrometheusRule;
  Secret: ISecret;
  Service: IService;
  ServiceAccount: IServiceAccount;
}

/** The objects of one kind. */
export function ofKind<K extends keyof Kinds>(objects: readonly KubernetesObject[], kind: K): Kinds[K][] {
  return objects.filter((object) => object.kind === kind) as unknown as Kinds[K][];
}

/** What runs: a Deployment or a Job, down to its one container. */
export interface Workload {
  readonly name: string;
  readonly kind: 'Deployment' | 'Job';
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: IPodSpec;
  readonly container: IContainer;
}

export function workloads(objects: readonly KubernetesObject[]): Workload[] {
  return [...ofKind(objects, 'Deployment'), ...ofKind(objects, 'Job')].map(({ kind, metadata, spec }) => ({
    name: `${kind} ${metadata?.name}`,
    kind,
    labels: spec!.template.metadata?.labels ?? {},
    pod: spec!.template.spec!,
    container: spec!.template.spec!.containers[0]!,
  }));
}

export function matches(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([label, value]) => labels[label] === value);
}
