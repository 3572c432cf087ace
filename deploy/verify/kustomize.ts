import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from './command.ts';
import { pathOf } from './packages.ts';

const OVERLAYS = fileURLToPath(new URL('../k8s/overlays', import.meta.url));

/** An object of the Kubernetes API, as JSON. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
}

export async function overlayNames(): Promise<string[]> {
  return (await readdir(OVERLAYS)).sort();
}

/** What `kubectl apply -k` would send. */
export async function render(overlay: string): Promise<KubernetesObject[]> {
  return parseYaml<KubernetesObject>(await run(await pathOf('kubectl'), ['kustomize', `${OVERLAYS}/${overlay}`]));
}

const PYTHON = '/usr/bin/python3';
const toJson =
  'import json, sys, yaml; json.dump([d for d in yaml.safe_load_all(sys.stdin) if d is not None], sys.stdout)';

/** Every document of a YAML text. */
export async function parseYaml<T>(text: string): Promise<T[]> {
  await pathOf('yaml');
  return JSON.parse(await run(PYTHON, ['-c', toJson], { input: text })) as T[];
}
