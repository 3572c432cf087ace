import path from 'node:path';
import { findBinaries } from '../../src/embedded/binaries.ts';
import type { ServerUser } from '../../src/embedded/server-user.ts';
import { newestBin } from '../conformance/debian-server.ts';

/** Which PostgreSQL is under the fleet: the one that comes with the daemon, or Debian's, which has pg_basebackup. */
export const serverKinds = ['embedded', 'debian'] as const;
export type ServerKind = (typeof serverKinds)[number];

export interface ServerPrograms {
  readonly initdb: string;
  readonly postgres: string;
  /** Undefined: no standby can be made. */
  readonly pgBasebackup: string | undefined;
}

export async function serverPrograms(kind: ServerKind, user: ServerUser): Promise<ServerPrograms> {
  if (kind === 'embedded') return { ...(await findBinaries(user)), pgBasebackup: undefined };
  const bin = await newestBin();
  const [initdb, postgres, pgBasebackup] = ['initdb', 'postgres', 'pg_basebackup'].map((name) => path.join(bin, name));
  return { initdb: initdb!, postgres: postgres!, pgBasebackup };
}
