import type { KubernetesObject } from './kustomize.ts';

export interface Mutation {
  readonly name: string;
  readonly kind: string;
  readonly caughtBy: 'types' | 'policy';
  // biome-ignore lint/suspicious/noExplicitAny: a mutation breaks the types on purpose.
  readonly apply: (object: any) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
type Loose = any;

const pod = (object: Loose): Loose => object.spec.template.spec;
const container = (object: Loose): Loose => pod(object).containers[0];

const types = (name: string, kind: string, apply: Mutation['apply']): Mutation => ({
  name,
  kind,
  caughtBy: 'types',
  apply,
});
const policy = (name: string, kind: string, apply: Mutation['apply']): Mutation => ({
  name,
  kind,
  caughtBy: 'policy',
  apply,
});

/** Mistakes that the checks must detect. */
export const mutations: readonly Mutation[] = [
  types('a misspelt readOnlyRootFilesystem', 'Deployment', (o) => {
    container(o).securityContext.readOnlyRootFileSystem = true;
  }),
  types('a misspelt key of a probe', 'Deployment', (o) => {
    container(o).livenessProbe.failureTreshold = 3;
  }),
  types('replicas as text', 'Deployment', (o) => {
    o.spec.replicas = '2';
  }),
  types('the grace period one level too high', 'Deployment', (o) => {
    o.spec.template.terminationGracePeriodSeconds = 45;
  }),
  types('no selector', 'Deployment', (o) => {
    delete o.spec.selector;
  }),
  types('an env entry without a name', 'Deployment', (o) => {
    delete container(o).env[0].name;
  }),
  types('a misspelt ttl', 'Job', (o) => {
    o.spec.ttlSecondsAfterFinish = 1;
  }),
  types('a number in a ConfigMap', 'ConfigMap', (o) => {
    o.data.OPS_PORT = 9464;
  }),
  types('podSelector at the wrong level', 'NetworkPolicy', (o) => {
    o.podSelector = o.spec.podSelector;
  }),
  types('a misspelt maxUnavailable', 'PodDisruptionBudget', (o) => {
    o.spec.maxUnavailble = 1;
  }),
  types('a Service port without a number', 'Service', (o) => {
    delete o.spec.ports[0].port;
  }),
  types('a misspelt endpoint list', 'PodMonitor', (o) => {
    o.spec.podMetricEndpoints = [];
  }),
  types('an alert without an expression', 'PrometheusRule', (o) => {
    delete o.spec.groups[0].rules[0].expr;
  }),
  policy('a writable root', 'Deployment', (o) => {
    container(o).securityContext.readOnlyRootFilesystem = false;
  }),
  policy('root', 'Deployment', (o) => {
    pod(o).securityContext.runAsUser = 0;
  }),
  policy('a capability kept', 'Job', (o) => {
    container(o).securityContext.capabilities = { drop: ['NET_RAW'] };
  }),
  policy('no seccomp profile', 'Job', (o) => {
    delete pod(o).securityContext.seccompProfile;
  }),
  policy('the token mounted', 'Deployment', (o) => {
    delete pod(o).automountServiceAccountToken;
  }),
  policy("the account's token mounted", 'ServiceAccount', (o) => {
    o.automountServiceAccountToken = true;
  }),
  policy('another service account', 'Job', (o) => {
    pod(o).serviceAccountName = 'default';
  }),
  policy('service links', 'Deployment', (o) => {
    delete pod(o).enableServiceLinks;
  }),
  policy('no memory limit', 'Deployment', (o) => {
    delete container(o).resources.limits;
  }),
  policy('a limit too small for the heap', 'Deployment', (o) => {
    container(o).resources.limits.memory = '128Mi';
  }),
  policy('a heap of its own', 'Deployment', (o) => {
    container(o).env.push({ name: 'NODE_OPTIONS', value: '--max-old-space-size=1024' });
  }),
  policy('the tag latest', 'Deployment', (o) => {
    container(o).image = 'delegation-sweeper:latest';
  }),
  policy('no tag', 'Job', (o) => {
    container(o).image = 'delegation-sweeper';
  }),
  policy('a migration of another image', 'Job', (o) => {
    container(o).image = 'delegation-sweeper:0.0.9';
  }),
  policy('a misspelt variable', 'ConfigMap', (o) => {
    if (o.data.STUCK_AFTER) o.data.STUCK_AFTR = o.data.STUCK_AFTER;
  }),
  policy('a value that the program refuses', 'ConfigMap', (o) => {
    if (o.data.STUCK_AFTER) o.data.STUCK_AFTER = '600';
  }),
  policy('the URL in the environment', 'Deployment', (o) => {
    container(o).env.push({ name: 'DATABASE_URL', value: 'postgresql://u:p@h/d' });
  }),
  policy('a secret as a variable', 'Deployment', (o) => {
    container(o).env[0] = { name: 'DATABASE_URL_FILE', valueFrom: { secretKeyRef: { name: 'x', key: 'url' } } };
  }),
  policy('another ConfigMap', 'Deployment', (o) => {
    container(o).envFrom[0].configMapRef.name = 'delegation-sweeper';
  }),
  policy('another key of the secret', 'Deployment', (o) => {
    container(o).env[0].value = '/etc/delegation-sweeper/database/uri';
  }),
  policy('a subPath', 'Deployment', (o) => {
    container(o).volumeMounts[0].subPath = 'url';
  }),
  policy('a subPath of the secret of webhooks', 'Deployment', (o) => {
    container(o).volumeMounts[1].subPath = 'secret';
  }),
  policy('the secret of webhooks in the environment', 'Deployment', (o) => {
    container(o).env.push({ name: 'WEBHOOK_SECRET', value: 'whsec_x' });
  }),
  policy("the migrator's secret for the daemon", 'Deployment', (o) => {
    pod(o).volumes[0].secret.secretName = 'delegation-sweeper-migrator';
  }),
  policy('a secret that everybody can read', 'Deployment', (o) => {
    delete pod(o).volumes[0].secret.defaultMode;
  }),
  policy('a secret that the program cannot read', 'Deployment', (o) => {
    delete pod(o).securityContext.fsGroup;
  }),
  policy('liveness that asks the database', 'Deployment', (o) => {
    container(o).livenessProbe.httpGet.path = '/readyz';
  }),
  policy('startup that asks the database', 'Deployment', (o) => {
    container(o).startupProbe.httpGet.path = '/readyz';
  }),
  policy('a probe of a missing port', 'Deployment', (o) => {
    container(o).readinessProbe.httpGet.port = 'http';
  }),
  policy('a port that is not OPS_PORT', 'Deployment', (o) => {
    container(o).ports[0].containerPort = 8080;
  }),
  policy('loopback only', 'ConfigMap', (o) => {
    delete o.data.OPS_HOST;
  }),
  policy('the default grace period', 'Deployment', (o) => {
    delete pod(o).terminationGracePeriodSeconds;
  }),
  policy('a longer SHUTDOWN_GRACE', 'ConfigMap', (o) => {
    if (o.data.SHUTDOWN_GRACE) o.data.SHUTDOWN_GRACE = '1m';
  }),
  policy('one replica', 'Deployment', (o) => {
    o.spec.replicas = 1;
  }),
  policy('a selector that finds the migration too', 'Deployment', (o) => {
    delete o.spec.selector.matchLabels['app.kubernetes.io/component'];
  }),
  policy('a Service that finds nothing', 'Service', (o) => {
    o.spec.selector['app.kubernetes.io/component'] = 'sweeper';
  }),
  policy('a Service to a missing port', 'Service', (o) => {
    o.spec.ports[0].targetPort = 'http';
  }),
  policy('a budget that finds nothing', 'PodDisruptionBudget', (o) => {
    o.spec.selector.matchLabels['app.kubernetes.io/name'] = 'sweeper';
  }),
  policy('a budget that blocks a drain', 'PodDisruptionBudget', (o) => {
    o.spec.maxUnavailable = 0;
  }),
  policy('no egress to the database', 'NetworkPolicy', (o) => {
    o.spec.egress.pop();
  }),
  policy('ingress from everywhere', 'NetworkPolicy', (o) => {
    o.spec.ingress.push({});
  }),
  policy('everything out', 'NetworkPolicy', (o) => {
    o.spec.policyTypes = ['Ingress'];
  }),
  policy('a migration outside the policy', 'Job', (o) => {
    o.spec.template.metadata.labels = {};
  }),
  policy('a Job that cannot be applied twice', 'Job', (o) => {
    o.metadata.name = 'delegation-sweeper-migrate';
  }),
  policy('another namespace', 'Service', (o) => {
    o.metadata.namespace = 'default';
  }),
  policy('a monitor of a missing port', 'PodMonitor', (o) => {
    o.spec.podMetricsEndpoints[0].port = 'metrics';
  }),
  policy('a rule that is not the tested one', 'PrometheusRule', (o) => {
    o.spec.groups[0].rules[0].for = '1h';
  }),
];

/** The objects with this one mistake. */
export function mutated(objects: readonly KubernetesObject[], { kind, apply }: Mutation): KubernetesObject[] {
  return objects.map((object) => {
    if (object.kind !== kind) return object;
    const copy = structuredClone(object);
    apply(copy);
    return copy;
  });
}
