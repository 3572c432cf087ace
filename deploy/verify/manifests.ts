import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type KubernetesObject, overlayNames, parseYaml, render } from './kustomize.ts';
import { mutated, mutations } from './mutations.ts';
import { type PolicyContext, violations } from './policy.ts';
import { isCurrent } from './prometheus-rule.ts';
import { assert, type Report } from './report.ts';
import { typeErrors } from './type-check.ts';

const PART = 'manifests';
/** The overlay with every component. */
const FULLEST = 'production';

const inDeploy = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

export async function policyContext(): Promise<PolicyContext> {
  const dockerfile = await readFile(inDeploy('Dockerfile'), 'utf8');
  const heap = /^ENTRYPOINT .*--max-old-space-size-percentage=(\d+)/m.exec(dockerfile);
  assert(heap, "the Dockerfile's entry point sets no heap");
  const [rules] = await parseYaml<PolicyContext['rules']>(await readFile(inDeploy('prometheus/rules.yml'), 'utf8'));
  return {
    heapPercent: Number(heap[1]),
    rules: rules!,
    dashboard: await readFile(inDeploy('grafana/dashboard.json'), 'utf8'),
  };
}

/** Part 1: what would be applied is acceptable to the API, and what this program needs. */
export async function verifyManifests(report: Report): Promise<void> {
  await report.check(PART, 'the PrometheusRule was written from rules.yml', async () => {
    assert(await isCurrent(process.env.UPDATE_DEPLOY === '1'), 'it was not: UPDATE_DEPLOY=1 npm run -s verify:deploy');
  });
  const overlays = new Map<string, KubernetesObject[]>();
  for (const overlay of await overlayNames()) {
    const objects = await report.check(PART, `${overlay}: rendered with kubectl kustomize`, () => render(overlay));
    if (objects) overlays.set(overlay, objects);
  }
  const context = await report.check(PART, 'the heap, the rules and the dashboard can be read', policyContext);
  if (!context) return;
  for (const [overlay, objects] of overlays) {
    await report.check(PART, `${overlay}: ${objects.length} objects type-check against kubernetes-models`, async () => {
      const errors = await typeErrors(objects);
      assert(errors.size === 0, [...errors.values()].join(''));
    });
    await report.check(PART, `${overlay}: the policy holds`, () => {
      const problems = violations(objects, context);
      assert(problems.length === 0, problems.join('\n'));
    });
  }
  const objects = overlays.get(FULLEST);
  if (objects) await verifyMutations(report, objects, context);
}

async function verifyMutations(
  report: Report,
  objects: readonly KubernetesObject[],
  context: PolicyContext,
): Promise<void> {
  const misspelt = mutations
    .filter(({ caughtBy }) => caughtBy === 'types')
    .map((mutation) => ({ mutation, object: mutated(objects, mutation).find(({ kind }) => kind === mutation.kind) }));
  const errors = await typeErrors(misspelt.flatMap(({ object }) => object ?? []));
  for (const [place, { mutation, object }] of misspelt.entries()) {
    await report.check(PART, `the types catch ${mutation.name}`, () => {
      assert(object, `there is no ${mutation.kind} to change`);
      assert(errors.has(place), 'it was not detected');
    });
  }
  const before = violations(objects, context);
  for (const mutation of mutations.filter(({ caughtBy }) => caughtBy === 'policy')) {
    await report.check(PART, `the policy catches ${mutation.name}`, () => {
      assert(
        objects.some(({ kind }) => kind === mutation.kind),
        `there is no ${mutation.kind} to change`,
      );
      const found = violations(mutated(objects, mutation), context).filter((problem) => !before.includes(problem));
      assert(found.length > 0, 'it was not detected');
    });
  }
}
