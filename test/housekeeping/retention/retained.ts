import type { LedgerDb } from '../../../src/db/schema.ts';
import type { RetentionPeriods } from '../../../src/housekeeping/retention/cutoffs.ts';
import type { PruneSummary } from '../../../src/housekeeping/retention/prune-summary.ts';
import { Pruner } from '../../../src/housekeeping/retention/pruner.ts';
import { isTerminal, type Status } from '../../../src/ledger/transitions.ts';
import { capturedLog } from '../../support/fixtures.ts';
import type { Queryable } from '../../support/wait-for.ts';

export const DAY_MS = 86_400_000;

/** Delegations for thirty days; without `activity` their activity as long. */
export const days = (delegations: number | null, activity: number | null = null): RetentionPeriods => ({
  delegationsMs: delegations === null ? null : delegations * DAY_MS,
  activityMs: activity === null ? null : activity * DAY_MS,
});

export function testPruner(db: LedgerDb, options: { pageRowsMax?: number } = {}) {
  const capture = capturedLog();
  const pruner = new Pruner(db, capture.log, options);
  const signal = new AbortController().signal;
  return {
    ...capture,
    pruner,
    prune: async (periods: RetentionPeriods): Promise<PruneSummary> =>
      pruner.prune(await pruner.cutoffs(periods), { trigger: 'manual', signal }),
    count: async (periods: RetentionPeriods): Promise<PruneSummary> =>
      pruner.count(await pruner.cutoffs(periods), { signal }),
  };
}

export interface PastRow {
  readonly id: string;
  readonly status: Status;
  /** Days ago. */
  readonly created: number;
  /** Days ago; of an open one: null. */
  readonly ended?: number | null;
  /** The day of each row of its activity beside the first and the last: a wait. */
  readonly waits?: readonly number[];
  /** Days ago a late result came. */
  readonly late?: readonly number[];
  readonly retryOf?: string;
  /** False: its activity is gone. */
  readonly recorded?: boolean;
}

/**
 * Delegations of the past, each with its activity: queued, what was between, its end, and late results. `others`: activity
 * beside theirs, recorded in the order of time with it.
 */
export async function seedPast(
  database: Queryable,
  rows: readonly PastRow[],
  others: readonly PastActivity[] = [],
): Promise<void> {
  const at = (ago: string) => `statement_timestamp() - ${ago} * interval '1 day'`;
  await database.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, created_at, last_heartbeat,
       finished_at, revision, idempotency_key, retry_of, attempt)
     SELECT r.id, 'caller', 'callee', 'task', r.status, ${at('r.created')}, ${at('r.created')}, ${at('r.ended')}, 1,
       'key-' || r.id, r."retryOf", CASE WHEN r."retryOf" IS NULL THEN 1 ELSE 2 END
     FROM jsonb_to_recordset($1) r (id text, status text, created float8, ended float8, "retryOf" text)`,
    [
      JSON.stringify(
        rows.map((row) => ({ ...row, ended: isTerminal(row.status) ? (row.ended ?? row.created) : null })),
      ),
    ],
  );
  const activities = rows
    .filter(({ recorded = true }) => recorded)
    .flatMap(({ id, status, created, ended, waits = [], late = [] }) => [
      { id, event: 'queued', from: null, to: 'queued', ago: created, nr: 0 },
      ...waits.map((ago, nr) => ({ id, event: 'waiting', from: null, to: null, ago, nr })),
      ...(status === 'queued'
        ? []
        : [
            {
              id,
              event: status,
              from: 'queued',
              to: status,
              ago: isTerminal(status) ? (ended ?? created) : created,
              nr: 0,
            },
          ]),
      ...late.map((ago, nr) => ({ id, event: 'late_result', from: status, to: null, ago, nr })),
    ]);
  await seedActivity(database, [...activities, ...others]);
}

export interface PastActivity {
  readonly id: string;
  readonly event: string;
  readonly from: Status | null | string;
  readonly to: Status | null | string;
  readonly ago: number;
  readonly nr: number;
}

/** In the order of time, as it would have been recorded. */
export async function seedActivity(database: Queryable, activities: readonly PastActivity[]): Promise<void> {
  const inOrder = activities.toSorted((a, b) => b.ago - a.ago).map((each, place) => ({ ...each, place }));
  await database.query(
    `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail, created_at)
     SELECT r.id, 'delegation.' || r.event, r.from, r.to, 'test',
       CASE WHEN r.event = 'late_result' THEN '{"attempted":"completed"}' ELSE '{}' END::jsonb || jsonb_build_object('nr', r.nr),
       statement_timestamp() - r.ago * interval '1 day'
     FROM jsonb_to_recordset($1) r (id text, event text, "from" text, "to" text, ago float8, nr int, place int)
     ORDER BY r.place`,
    [JSON.stringify(inOrder)],
  );
}

/** What is left: each id with its status, if it has a row, and how many activities. */
export async function left(database: Queryable): Promise<Record<string, string>> {
  const rows = await database.query<{ id: string; status: string | null; n: number }>(`
    SELECT coalesce(d.delegation_id, a.delegation_id) AS id, d.status, coalesce(a.n, 0)::int AS n
    FROM delegations d FULL JOIN (SELECT delegation_id, count(*) AS n FROM activity_logs GROUP BY 1) a USING (delegation_id)
    ORDER BY 1`);
  return Object.fromEntries(rows.map(({ id, status, n }) => [id, `${status ?? 'no row'}, ${n}`]));
}
