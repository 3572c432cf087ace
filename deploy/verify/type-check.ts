import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt } from './command.ts';
import type { KubernetesObject } from './kustomize.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const OPERATOR = 'monitoring.coreos.com/v1';

/**
 * Each object as `const object: IDeployment = {...}` through tsc, which refuses a misspelt key and a wrong type at any
 * depth. Returns the compiler's findings by the object's place in the list; no entry: none.
 */
export async function typeErrors(objects: readonly KubernetesObject[]): Promise<Map<number, string>> {
  const dir = path.join(root, '.data/verify-deploy/types');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const [place, object] of objects.entries())
    await writeFile(path.join(dir, `object-${place}.ts`), source(object));
  const tsconfig = {
    extends: path.join(root, 'tsconfig.json'),
    // Kubernetes' optional fields take undefined; JSON has none.
    compilerOptions: { exactOptionalPropertyTypes: false },
    include: [`${dir}/*.ts`],
  };
  await writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { stdout, stderr, code } = await attempt(process.execPath, [tsc, '--pretty', 'false', '-p', dir]);
  const findings = new Map<number, string>();
  for (const [line, place] of stdout.matchAll(/^.*object-(\d+)\.ts.*$/gm)) {
    findings.set(Number(place), `${findings.get(Number(place)) ?? ''}${line}\n`);
  }
  if (code !== 0 && findings.size === 0) throw new Error(`tsc failed: ${stdout}${stderr}`);
  return findings;
}

function source(object: KubernetesObject): string {
  const type = `I${object.kind}`;
  const group =
    object.apiVersion === OPERATOR
      ? '../../../deploy/verify/operator-types.ts'
      : `kubernetes-models/${object.apiVersion}`;
  return `import type { ${type} } from '${group}';
export const object: ${type} = ${JSON.stringify(object, null, 2)};
`;
}
