import { ENCODING_REMEDY, REQUIRED_ENCODING } from '../../db/encoding.ts';
import { check, type Seen } from '../check.ts';
import { serverStatement } from '../statements/server.ts';

/** Major versions that are tested. */
export const MAJOR_MIN = 15;
export const MAJOR_MAX = 18;

export const server = check({
  name: 'server',
  about: `That it is PostgreSQL ${MAJOR_MIN} to ${MAJOR_MAX}, a primary, with a database in UTF8.`,
  faults: {
    version: {
      severity: 'problem',
      when: `The server is not PostgreSQL ${MAJOR_MIN} to ${MAJOR_MAX}`,
      remedy: `Move the ledger to PostgreSQL ${MAJOR_MIN} to ${MAJOR_MAX} (\`pg_dump\`, \`pg_upgrade\`), or use a release of delegation-sweeper that supports this one.`,
    },
    encoding: {
      severity: 'problem',
      when: `The database's encoding is not ${REQUIRED_ENCODING}, so that some texts of agents are refused`,
      remedy: `Do this: ${ENCODING_REMEDY}.`,
    },
    standby: {
      severity: 'problem',
      when: 'The server is a standby',
      remedy: 'Connect to the primary: name all servers in DATABASE_URL, or add `target_session_attrs=primary`.',
    },
  },
  read: async ({ db }) => (await serverStatement().run(db, {}))[0]!,
  judge: judgeServer,
});

export interface ServerReading {
  readonly versionNumber: number;
  readonly version: string;
  readonly encoding: string;
  readonly inRecovery: boolean;
}

type Fault = 'version' | 'encoding' | 'standby';

/** Pure. */
export function judgeServer({ versionNumber, version, encoding, inRecovery }: ServerReading): Seen<Fault>[] {
  const seen: Seen<Fault>[] = [];
  const major = Math.floor(versionNumber / 10_000);
  if (major < MAJOR_MIN || major > MAJOR_MAX) {
    seen.push({ fault: 'version', what: `The server is PostgreSQL ${major}`, how: `server_version is ${version}` });
  } else seen.push({ note: `PostgreSQL ${version}` });
  if (encoding !== REQUIRED_ENCODING) {
    seen.push({
      fault: 'encoding',
      what: `The database's encoding is ${encoding}`,
      how: `server_encoding is ${encoding}`,
    });
  }
  if (inRecovery) {
    seen.push({
      fault: 'standby',
      what: 'The server is a standby and takes no writes',
      how: 'pg_is_in_recovery() is true',
    });
  }
  return seen;
}
