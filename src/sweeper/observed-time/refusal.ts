import type { LedgerDb } from '../../db/schema.ts';
import { sweeperTables } from '../tables.ts';
import { refusalStatement } from './statements/refusal.ts';

/** Why silence cannot be judged on this server by this role. */
export interface Refusal {
  readonly reason: 'standby' | 'read_only' | 'rows_hidden' | 'heartbeats_refused';
  readonly remedy: string;
}

const remedies: Readonly<Record<Refusal['reason'], string>> = {
  standby: 'the server is a standby and takes no writes: connect to the primary',
  read_only: 'the server or the role takes no writes: see default_transaction_read_only',
  rows_hidden:
    'row level security hides rows of delegations from this role, so that heartbeats of a row may not be seen: give the role BYPASSRLS, or ALTER TABLE delegations DISABLE ROW LEVEL SECURITY',
  heartbeats_refused:
    'row level security on delegations has no policy that lets an agent see and update its row, so that no heartbeat arrives: add policies for SELECT and UPDATE, or ALTER TABLE delegations DISABLE ROW LEVEL SECURITY',
};

/** Columns of a reading, from which it is judged. */
export interface RefusalSigns {
  readonly inRecovery: boolean;
  readonly readOnly: boolean;
  readonly rowsHidden: boolean;
  readonly heartbeatsRefused: boolean;
}

/** Null when silence can be judged. */
export function refusalOf({ inRecovery, readOnly, rowsHidden, heartbeatsRefused }: RefusalSigns): Refusal | null {
  const reason = inRecovery
    ? 'standby'
    : readOnly
      ? 'read_only'
      : rowsHidden
        ? 'rows_hidden'
        : heartbeatsRefused
          ? 'heartbeats_refused'
          : null;
  return reason === null ? null : { reason, remedy: remedies[reason] };
}

/** For readiness and the commands, which read nothing else. @throws the database's error. */
export async function readRefusal(db: LedgerDb): Promise<Refusal | null> {
  const [signs] = await refusalStatement(sweeperTables(db)).run(db, {});
  return refusalOf(signs!);
}
