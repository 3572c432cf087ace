import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const RULES = fileURLToPath(new URL('../prometheus/rules.yml', import.meta.url));
const OBJECT = fileURLToPath(new URL('../k8s/components/prometheus-operator/prometheus-rule.yaml', import.meta.url));

const head = `# Generated from deploy/prometheus/rules.yml by UPDATE_DEPLOY=1 npm run -s verify:deploy; kustomize cannot read it from there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: delegation-sweeper
spec:
`;

/** The rules as the Prometheus operator expects them: the same text, one level deeper. */
function prometheusRule(rules: string): string {
  const groups = rules.slice(rules.indexOf('groups:'));
  return head + groups.replaceAll(/^(?=.)/gm, '  ');
}

/** Whether the object agrees with the rules; with `update` it is written first. */
export async function isCurrent(update: boolean): Promise<boolean> {
  const expected = prometheusRule(await readFile(RULES, 'utf8'));
  if (update) await writeFile(OBJECT, expected);
  return (await readFile(OBJECT, 'utf8').catch(() => '')) === expected;
}
