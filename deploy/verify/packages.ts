import { access } from 'node:fs/promises';
import { attempt, run } from './command.ts';

/** A program, and Debian's package that has it. */
const programs = {
  kubectl: { paths: ['/usr/bin/kubectl', '/usr/local/bin/kubectl'], package: 'kubernetes-client' },
  yaml: { paths: ['/usr/lib/python3/dist-packages/yaml/__init__.py'], package: 'python3-yaml' },
  buildah: { paths: ['/usr/bin/buildah'], package: 'buildah' },
  podman: { paths: ['/usr/bin/podman'], package: 'podman' },
  runc: { paths: ['/usr/sbin/runc'], package: 'runc' },
  mmdebstrap: { paths: ['/usr/bin/mmdebstrap'], package: 'mmdebstrap' },
  openssl: { paths: ['/usr/bin/openssl'], package: 'openssl' },
  postgres: { paths: ['/usr/lib/postgresql/15/bin/postgres'], package: 'postgresql-15' },
  psql: { paths: ['/usr/lib/postgresql/15/bin/psql'], package: 'postgresql-client-15' },
  pgbouncer: { paths: ['/usr/sbin/pgbouncer'], package: 'pgbouncer' },
  prometheus: { paths: ['/usr/bin/prometheus'], package: 'prometheus' },
  promtool: { paths: ['/usr/bin/promtool'], package: 'prometheus' },
  alertmanager: { paths: ['/usr/bin/prometheus-alertmanager'], package: 'prometheus-alertmanager' },
  amtool: { paths: ['/usr/bin/amtool'], package: 'prometheus-alertmanager' },
} as const satisfies Record<string, { readonly paths: readonly string[]; readonly package: string }>;

export type Program = keyof typeof programs;

/** Installs what is missing. With RUNLEVEL=1 no package starts a service. */
export async function installPrograms(): Promise<void> {
  const missing = new Set<string>();
  for (const program of Object.keys(programs) as Program[]) {
    if ((await find(program)) === null) missing.add(programs[program].package);
  }
  if (missing.size === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await attempt('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
}

/** Throws when it is missing. */
export async function pathOf(program: Program): Promise<string> {
  const path = await find(program);
  if (path === null) throw new Error(`${program} is missing: apt-get install ${programs[program].package}`);
  return path;
}

async function find(program: Program): Promise<string | null> {
  for (const path of programs[program].paths) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
