import { duration } from '../../log/duration.ts';
import { oldSnapshotsStatement } from '../../sweeper/standing-faults/statements/old-snapshots.ts';
import { check, type Seen } from '../check.ts';
import { hiddenSessions } from '../hidden-sessions.ts';
import { serverStatement } from '../statements/server.ts';
import { xminHoldersStatement } from '../statements/xmin-holders.ts';
import type { DoctorOptions } from '../subject.ts';

/** What is younger holds little up. */
const AGE_MS = 300_000;
/** Transactions that a slot or a standby may hold back. */
const TRANSACTIONS_MAX = 1_000_000;

export const snapshots = check({
  name: 'snapshots',
  about:
    'What keeps vacuum, and the index scans of the sweep, from removing what heartbeats leave behind: sessions with an old snapshot, prepared transactions, replication slots, standbys.',
  faults: {
    session: {
      severity: 'problem',
      when: `A session has been idle in a transaction, with a snapshot, for over ${duration(AGE_MS)}`,
      remedy:
        'End it: `SELECT pg_terminate_backend({pid});`. To end such sessions by themselves, set idle_in_transaction_session_timeout for their role.',
    },
    session_active: {
      severity: 'advice',
      when: `A session that works has had the same snapshot for over ${duration(AGE_MS)}, as pg_dump and long reports have. VACUUM and the building of an index do not count`,
      remedy:
        'See what {program} does: where that is its work, let it end, and run such work on a standby or at a quiet time.',
    },
    prepared: {
      severity: 'problem',
      when: `A prepared transaction was left behind for over ${duration(AGE_MS)}`,
      remedy: '`COMMIT PREPARED {gid};` or `ROLLBACK PREPARED {gid};`, whichever its coordinator decided.',
    },
    slot: {
      severity: 'problem',
      when: `A replication slot holds back more than ${TRANSACTIONS_MAX} transactions`,
      remedy: 'Bring its consumer back, or, where it has none any more, `SELECT pg_drop_replication_slot({slot});`',
    },
    standby: {
      severity: 'advice',
      when: `A query on a standby (hot_standby_feedback) holds back more than ${TRANSACTIONS_MAX} transactions`,
      remedy: 'End the long query on the standby, or limit it there (statement_timeout).',
    },
  },
  read: (subject) =>
    subject.catalogue(async (db) => ({
      ...(await serverStatement().run(db, {}))[0]!,
      sessions: await oldSnapshotsStatement().run(db, { olderThan: `${ageMsOf(subject)} milliseconds` }),
      holders: await xminHoldersStatement().run(db, {}),
    })),
  judge: judgeSnapshots,
});

type Row<S extends { run(...args: never[]): Promise<readonly unknown[]> }> = Awaited<ReturnType<S['run']>>[number];

export interface SnapshotsReading {
  /** Who asks, and whether it may see the sessions of other roles. */
  readonly role: string;
  readonly seesSessions: boolean;
  readonly sessions: readonly Row<ReturnType<typeof oldSnapshotsStatement>>[];
  readonly holders: readonly Row<ReturnType<typeof xminHoldersStatement>>[];
}

type Fault = 'session' | 'session_active' | 'prepared' | 'slot' | 'standby';

type Limits = { readonly options: Pick<DoctorOptions, 'snapshotAgeMs' | 'heldTransactionsMax'> };

/** Pure. */
export function judgeSnapshots(
  { role, seesSessions, sessions, holders }: SnapshotsReading,
  limits: Limits,
): Seen<Fault>[] {
  return [
    ...(seesSessions ? [] : [{ unchecked: hiddenSessions('Sessions with an old snapshot', role) }]),
    ...sessions.map((session): Seen<'session' | 'session_active'> => {
      const { pid, user, applicationName, state, transactionAgeMs } = session;
      const age = transactionAgeMs === null ? 'for long' : `for ${duration(transactionAgeMs)}`;
      const what = `A session of ${user ?? 'a role that is hidden from this one'} has had a snapshot ${age}`;
      const how = `pg_stat_activity: pid ${pid}, ${applicationName || 'no application_name'}, ${state ?? 'state hidden'}`;
      if (state?.startsWith('idle in transaction')) return { fault: 'session', what, how, names: { pid: String(pid) } };
      const program = applicationName || `the program without application_name of pid ${pid}`;
      return {
        fault: 'session_active',
        what: `${program} has had a snapshot ${age}, as ${user ?? 'a role that is hidden from this one'}`,
        how,
        names: { program },
      };
    }),
    ...holders.flatMap(({ kind, name, xidAge, catalogXidAge, ageMs }): Seen<'prepared' | 'slot' | 'standby'>[] => {
      const how = `${xidAge} transactions${ageMs === null ? '' : `, ${duration(ageMs)}`}`;
      if (kind === 'prepared transaction') {
        if (ageMs === null || ageMs < ageMsOf(limits)) return [];
        return [
          { fault: 'prepared', what: `The prepared transaction ${name} is still there`, how, names: { gid: name } },
        ];
      }
      if ((xidAge ?? 0) <= transactionsMax(limits)) {
        if ((catalogXidAge ?? 0) <= transactionsMax(limits)) return [];
        return [
          {
            note: `the replication slot ${name} holds back ${catalogXidAge} transactions of the system catalogue, as one of logical replication does, and nothing of the ledger's tables`,
          },
        ];
      }
      return kind === 'standby'
        ? [{ fault: 'standby', what: `The standby ${name} holds vacuum up`, how }]
        : [{ fault: 'slot', what: `The replication slot ${name} holds vacuum up`, how, names: { slot: name } }];
    }),
  ];
}

function ageMsOf({ options: { snapshotAgeMs = AGE_MS } }: Limits): number {
  return snapshotAgeMs;
}

function transactionsMax({ options: { heldTransactionsMax = TRANSACTIONS_MAX } }: Limits): number {
  return heldTransactionsMax;
}
