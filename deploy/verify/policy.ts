import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { durationMs } from '../../src/config/duration.ts';
import { keys } from '../../src/config/keys.ts';
import type { KubernetesObject } from './kustomize.ts';
import { matches, ofKind, type Workload, workloads } from './workload.ts';

export interface PolicyContext {
  /** Share of the container's memory limit, from the image's entry point. */
  readonly heapPercent: number;
  /** deploy/prometheus/rules.yml, as JSON. */
  readonly rules: { readonly groups: unknown };
  /** deploy/grafana/dashboard.json, as text. */
  readonly dashboard: string;
}

type Say = (problem: string) => void;

/** Problems that the API server would not reject. Empty: none. */
export function violations(objects: readonly KubernetesObject[], context: PolicyContext): string[] {
  const problems: string[] = [];
  const say: Say = (problem) => problems.push(problem);
  for (const workload of workloads(objects)) {
    const of: Say = (problem) => say(`${workload.name}: ${problem}`);
    podSecurity(workload, of);
    resources(workload, context.heapPercent, of);
    image(workload, of);
    configuration(workload, objects, of);
    secrets(workload, of);
    if (workload.kind === 'Deployment') daemon(workload, objects, of);
  }
  serviceAccounts(objects, say);
  selectors(objects, say);
  network(objects, say);
  releases(objects, say);
  monitoring(objects, context, say);
  return problems;
}

/** Pod Security `restricted`, and what it does not require: a read-only root, no token. */
function podSecurity({ pod, container }: Workload, say: Say): void {
  const { securityContext: ofPod = {} } = pod;
  const { securityContext: ofContainer = {} } = container;
  if (pod.containers.length !== 1 || pod.initContainers) say('not one container');
  if (ofPod.runAsNonRoot !== true) say('runAsNonRoot is not true');
  if (!((ofPod.runAsUser ?? 0) > 0)) say('runAsUser is not set, or root');
  if (ofPod.seccompProfile?.type !== 'RuntimeDefault') say('seccompProfile is not RuntimeDefault');
  if (ofContainer.allowPrivilegeEscalation !== false) say('allowPrivilegeEscalation is not false');
  if (ofContainer.privileged) say('privileged');
  if (ofContainer.readOnlyRootFilesystem !== true) say('readOnlyRootFilesystem is not true');
  if (ofContainer.runAsUser === 0 || ofContainer.runAsNonRoot === false) say('the container runs as root');
  if (ofContainer.capabilities?.drop?.join() !== 'ALL' || ofContainer.capabilities.add)
    say('capabilities are not dropped');
  if (pod.hostNetwork || pod.hostPID || pod.hostIPC) say('shares a namespace with its host');
  if (container.ports?.some(({ hostPort }) => hostPort)) say('hostPort');
  if (pod.automountServiceAccountToken !== false) say('the service account token is mounted');
  if (pod.enableServiceLinks !== false) say('enableServiceLinks would set OPS_PORT for a Service named ops');
  if (pod.volumes?.some((volume) => !volume.secret)) say('a volume that is not a secret');
}

/**
 * Memory for the engine, code, buffers and stacks: an idle daemon has 109 MiB resident, most of it not heap, and 125
 * after a sweep of 150,000 rows.
 */
const OUTSIDE_THE_HEAP_MI = 80;

function resources({ container }: Workload, heapPercent: number, say: Say): void {
  const { requests = {}, limits = {} } = container.resources ?? {};
  if (!requests.cpu || !requests.memory) say('requests lack cpu or memory');
  const limit = /^(\d+)Mi$/.exec(String(limits.memory ?? ''));
  if (!limit) {
    say('no memory limit in Mi');
    return;
  }
  const limitMi = Number(limit[1]);
  if ((limitMi * (100 - heapPercent)) / 100 < OUTSIDE_THE_HEAP_MI) {
    say(`a limit of ${limitMi} MiB leaves less than ${OUTSIDE_THE_HEAP_MI} MiB beside a heap of ${heapPercent} %`);
  }
  if (container.env?.some(({ name }) => name === 'NODE_OPTIONS')) say('NODE_OPTIONS overrides the heap of the image');
}

function image({ container }: Workload, say: Say): void {
  const { image: name = '', imagePullPolicy } = container;
  const tag = /:([\w.-]+)$/.exec(name)?.[1];
  const byDigest = /@sha256:[0-9a-f]{64}$/.test(name);
  if (!byDigest && (tag === undefined || tag === 'latest'))
    say(`the image ${name} has no digest and no tag of a release`);
  if (imagePullPolicy === 'Never') say('imagePullPolicy Never');
  if (container.command) say('command replaces the entry point of the image, and its heap');
}

const known: ReadonlyMap<string, (typeof keys)[keyof typeof keys]> = new Map(
  Object.values(keys).map((key) => [key.env as string, key]),
);
const DATABASE_FOLDER = '/etc/delegation-sweeper/database';

/** The variables as the container gets them. */
export function environmentOf({ container }: Workload, objects: readonly KubernetesObject[]): Record<string, string> {
  const maps = (container.envFrom ?? []).map(({ configMapRef }) =>
    ofKind(objects, 'ConfigMap').find(({ metadata }) => metadata?.name === configMapRef?.name),
  );
  const own = (container.env ?? []).map(({ name, value }) => [name, value ?? ''] as const);
  return { ...Object.assign({}, ...maps.map((map) => map?.data ?? {})), ...Object.fromEntries(own) };
}

/** Names and values against src/config/keys.ts. */
function configuration(workload: Workload, objects: readonly KubernetesObject[], say: Say): void {
  const { container } = workload;
  const names = ofKind(objects, 'ConfigMap').map(({ metadata }) => metadata?.name);
  for (const { configMapRef } of container.envFrom ?? []) {
    if (!names.includes(configMapRef?.name)) say(`there is no ConfigMap ${configMapRef?.name}`);
  }
  for (const [name, text] of Object.entries(environmentOf(workload, objects))) {
    const key = known.get(name);
    if (name.startsWith('OTEL_')) continue;
    if (!key) say(`${name} is no variable of this program`);
    else if (name === 'DATABASE_URL') say('DATABASE_URL holds a password: mount it');
    else if (name === 'WEBHOOK_SECRET') say('WEBHOOK_SECRET holds a secret: mount it');
    // A file in the pod.
    else if (!name.endsWith('_FILE') && !key.schema.safeParse(text).success) say(`${name}=${text} is not accepted`);
  }
  if (container.env?.some(({ valueFrom }) => valueFrom)) say('a secret in the environment would not rotate: mount it');
}

function secrets(workload: Workload, say: Say): void {
  const { pod, container, kind } = workload;
  const url = container.env?.find(({ name }) => name === 'DATABASE_URL_FILE')?.value;
  if (url !== `${DATABASE_FOLDER}/url`) say(`DATABASE_URL_FILE is ${url}`);
  mountedSecret(
    workload,
    DATABASE_FOLDER,
    kind === 'Job' ? 'delegation-sweeper-migrator' : 'delegation-sweeper-database',
    say,
  );
  const webhook = container.env?.find(({ name }) => name === 'WEBHOOK_SECRET_FILE')?.value;
  if (webhook !== undefined) mountedSecret(workload, path.dirname(webhook), 'delegation-sweeper-webhook', say);
  if (pod.securityContext?.fsGroup !== pod.securityContext?.runAsGroup) say('the secret cannot be read by the program');
}

/** A secret that may rotate, as a folder that the program alone reads. */
function mountedSecret({ pod, container }: Workload, folder: string, expected: string, say: Say): void {
  const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === folder);
  if (!mount) {
    say(`the secret ${expected} is not mounted`);
    return;
  }
  if (mount.subPath) say('a subPath is never refreshed: the secret could not rotate');
  if (!mount.readOnly) say('the secret is mounted writable');
  const secret = pod.volumes?.find(({ name }) => name === mount.name)?.secret;
  if (secret?.secretName !== expected) say(`mounts the secret ${secret?.secretName}, not ${expected}`);
  if (secret?.items) say('items leave out keys of the secret');
  if ((secret?.defaultMode ?? 0o644) & 0o007) say('the secret can be read by everybody');
}

/** Time after SHUTDOWN_GRACE before the kubelet kills. */
const GRACE_MARGIN_MS = 15_000;
const STARTUP_MIN_SECONDS = 30;

function daemon(workload: Workload, objects: readonly KubernetesObject[], say: Say): void {
  const { pod, container } = workload;
  const env = environmentOf(workload, objects);
  if (container.args?.join(' ') !== 'start') say('does not run `start`');
  const graceMs = durationMs(env.SHUTDOWN_GRACE ?? keys.shutdownGraceMs.default) ?? 0;
  if ((pod.terminationGracePeriodSeconds ?? 30) * 1000 <= graceMs + GRACE_MARGIN_MS) {
    say('terminationGracePeriodSeconds is not above SHUTDOWN_GRACE plus 15 s');
  }
  if (env.OPS_HOST !== '0.0.0.0') say(`OPS_HOST is ${env.OPS_HOST}: the probes would not reach it`);
  const port = container.ports?.find(({ name }) => name === 'ops');
  if (String(port?.containerPort) !== (env.OPS_PORT ?? keys.opsPort.default)) say('the port ops is not OPS_PORT');
  const probes = { startupProbe: '/livez', livenessProbe: '/livez', readinessProbe: '/readyz' } as const;
  for (const [name, path] of Object.entries(probes) as [keyof typeof probes, string][]) {
    const probe = container[name]?.httpGet;
    if (probe?.path !== path || probe.port !== 'ops') say(`${name} does not ask ${path} on ops`);
  }
  const { periodSeconds = 10, failureThreshold = 3 } = container.startupProbe ?? {};
  if (periodSeconds * failureThreshold < STARTUP_MIN_SECONDS) say('the startup probe gives up too early');
}

function serviceAccounts(objects: readonly KubernetesObject[], say: Say): void {
  const accounts = ofKind(objects, 'ServiceAccount');
  for (const { metadata, automountServiceAccountToken } of accounts) {
    if (automountServiceAccountToken !== false) say(`ServiceAccount ${metadata?.name}: its token is mounted`);
  }
  for (const { name, pod } of workloads(objects)) {
    if (!accounts.some(({ metadata }) => metadata?.name === pod.serviceAccountName)) {
      say(`${name}: there is no service account ${pod.serviceAccountName}`);
    }
  }
}

/** Selectors for the daemon's pods match them, and no others. */
function selectors(objects: readonly KubernetesObject[], say: Say): void {
  const all = workloads(objects);
  const finds = (name: string, selector: Readonly<Record<string, string>> | undefined) => {
    for (const { labels, kind, name: workload } of all) {
      const found = matches(selector, labels);
      if (found !== (kind === 'Deployment')) say(`${name} ${found ? 'selects' : 'does not select'} ${workload}`);
    }
  };
  for (const { metadata, spec } of ofKind(objects, 'Deployment')) {
    finds(`Deployment ${metadata?.name}`, spec?.selector.matchLabels);
    if ((spec?.replicas ?? 1) < 2) say('fewer than two replicas: a node that is drained would end the sweeps');
    if (spec?.strategy?.rollingUpdate?.maxUnavailable !== 0) say('a rollout would remove a ready pod first');
  }
  for (const { metadata, spec } of ofKind(objects, 'Service')) {
    finds(`Service ${metadata?.name}`, spec?.selector);
    const names = all.flatMap(({ container }) => container.ports?.map(({ name }) => name) ?? []);
    for (const { targetPort } of spec?.ports ?? []) {
      if (!names.includes(String(targetPort))) say(`Service ${metadata?.name}: no container has a port ${targetPort}`);
    }
  }
  for (const { metadata, spec } of ofKind(objects, 'PodDisruptionBudget')) {
    finds(`PodDisruptionBudget ${metadata?.name}`, spec?.selector?.matchLabels);
    if (spec?.maxUnavailable !== 1) say('the disruption budget does not allow one pod to be evicted');
  }
  for (const { metadata, spec } of ofKind(objects, 'PodMonitor')) {
    finds(`PodMonitor ${metadata.name}`, spec.selector.matchLabels);
  }
}

function network(objects: readonly KubernetesObject[], say: Say): void {
  const policies = ofKind(objects, 'NetworkPolicy');
  if (policies.length !== 1) {
    say('there is not exactly one NetworkPolicy');
    return;
  }
  const { podSelector, policyTypes = [], ingress = [], egress = [] } = policies[0]!.spec!;
  for (const { name, labels } of workloads(objects)) {
    if (!matches(podSelector?.matchLabels, labels)) say(`the NetworkPolicy does not select ${name}`);
  }
  if (!policyTypes.includes('Ingress') || !policyTypes.includes('Egress'))
    say('the NetworkPolicy leaves a direction open');
  if (ingress.some(({ from, ports }) => !from?.length || !ports?.length)) say('ingress is allowed from everywhere');
  if (!ingress.some(({ ports }) => ports?.some(({ port }) => port === 'ops'))) say('the ops port is closed');
  if (egress.some(({ ports }) => !ports?.length)) say('egress is allowed to everywhere');
  const out = egress.flatMap(({ ports = [] }) => ports.map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`));
  for (const needed of ['53/UDP', '53/TCP', '5432/TCP']) if (!out.includes(needed)) say(`no egress to ${needed}`);
}

/** One namespace, one release: the Job's name carries it, and its image is the daemon's. */
function releases(objects: readonly KubernetesObject[], say: Say): void {
  const namespaces = new Set(
    objects.filter(({ kind }) => kind !== 'Namespace').map(({ metadata }) => metadata.namespace),
  );
  if (namespaces.size !== 1 || namespaces.has(undefined)) say(`not one namespace: ${[...namespaces].join(', ')}`);
  for (const { metadata, spec } of ofKind(objects, 'Job')) {
    const version = metadata?.labels?.['app.kubernetes.io/version'];
    if (!version || !metadata?.name?.endsWith(`-${version}`))
      say(`Job ${metadata?.name}: its name lacks the release ${version}`);
    if (spec?.template.spec?.containers[0]?.args?.join(' ') !== 'migrate up') say('the Job does not run `migrate up`');
  }
  const images = new Set(workloads(objects).map(({ container }) => container.image));
  if (images.size > 1) say(`the daemon and its migration are of different images: ${[...images].join(', ')}`);
}

function monitoring(objects: readonly KubernetesObject[], { rules, dashboard }: PolicyContext, say: Say): void {
  const ports = workloads(objects).flatMap(({ container }) => container.ports?.map(({ name }) => name) ?? []);
  for (const { spec } of ofKind(objects, 'PodMonitor')) {
    for (const { port, path } of spec.podMetricsEndpoints) {
      if (!ports.includes(port) || path !== '/metrics') say(`the PodMonitor asks ${path} on ${port}`);
    }
    if (spec.jobLabel !== 'app.kubernetes.io/name') say("the PodMonitor's job is not the one that the rules use");
  }
  for (const { spec } of ofKind(objects, 'PrometheusRule')) {
    if (!isDeepStrictEqual(spec.groups, rules.groups)) say('the PrometheusRule is not deploy/prometheus/rules.yml');
  }
  for (const { metadata, data } of ofKind(objects, 'ConfigMap')) {
    if (!metadata?.labels?.grafana_dashboard) continue;
    if (Object.values(data ?? {}).join() !== dashboard) say('the dashboard is not deploy/grafana/dashboard.json');
  }
}
