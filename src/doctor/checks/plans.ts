import { explain, type Plan } from '../../db/explain.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { ObservedTime } from '../../sweeper/observed-time/observed-time.ts';
import { lookStatement } from '../../sweeper/on-time/statements/look.ts';
import { placeBeforeAll } from '../../sweeper/pass/place.ts';
import { type Rule, rules } from '../../sweeper/pass/rules.ts';
import { markBatchStatement } from '../../sweeper/pass/statements/mark-batch.ts';
import { rangeValues } from '../../sweeper/pass/statements/places.ts';
import { planStatement } from '../../sweeper/pass/statements/plan.ts';
import { judge } from '../../sweeper/threshold/staleness.ts';
import { check, type Seen } from '../check.ts';
import { tableHealthStatement } from '../statements/table-health.ts';
import type { Subject } from '../subject.ts';

/** Pages that the read of a sweep may take, and for each row that it finds. */
const BUFFERS_MAX = 2_000;
const BUFFERS_PER_ROW = 10;

/** In a smaller table the planner may rightly read the whole of it: then it is asked whether it could use the index. */
const SMALL_BYTES = 8 * 1024 * 1024;

/** The indexes by which each scan finds its rows. */
const indexOf = {
  overdue: 'delegations_deadline',
  stale: 'delegations_heartbeat_plain',
  staleSpecial: 'delegations_suspect',
  stalled: 'delegations_suspect',
} as const satisfies Record<Rule['scan'], string>;

export interface Planned {
  /** `search: stale`, `mark: stale`, `look`. */
  readonly statement: string;
  readonly indexes: readonly string[];
  readonly plan: Plan;
}

export const plans = check({
  name: 'plans',
  about:
    "The plans of the sweep's own statements on this database: each rule's search and marks, and the look between the ticks. The searches are run, which reads only; the marks are planned and not run.",
  faults: {
    no_index: {
      severity: 'problem',
      when: 'A statement of the sweep does not find its rows by its index',
      remedy:
        'Run `ANALYZE {delegations};`. If it stays so: see the checks `objects` (an index is missing or invalid) and `settings`, and that enable_indexscan is on.',
    },
    many_pages: {
      severity: 'advice',
      when: `The search of a rule reads over ${BUFFERS_MAX} pages and ${BUFFERS_PER_ROW} for each row found: dead index entries, which heartbeats leave`,
      remedy: 'End what holds vacuum up (the check `snapshots`), then `VACUUM (INDEX_CLEANUP ON) {delegations};`',
    },
  },
  read: readPlans,
  judge: (planned, { tables }) =>
    judgePlans(planned).map((one) => ('fault' in one ? { ...one, names: { delegations: tables.delegations } } : one)),
});

async function readPlans(subject: Subject): Promise<Planned[]> {
  const { db, tables, options } = subject;
  const { nowUs, staleness } = judge(await new ObservedTime(db, tables).read(), options);
  const { batchRowsMax } = options;
  const judged = { now: nowUs, staleness, force: false };
  const place = { afterUs: placeBeforeAll.keyUs, afterId: placeBeforeAll.delegationId, foundIds: [] };
  const [health] = await subject.catalogue((session) =>
    tableHealthStatement().run(session, { schema: options.dbSchema, tables: ['delegations'] }),
  );
  const inSession: Subject['rows'] = (read) =>
    (health?.bytes ?? 0) > SMALL_BYTES ? subject.catalogue(read) : subject.rows(read);
  const planned: Planned[] = [];
  for (const rule of rules) {
    const indexes = [indexOf[rule.scan]];
    const search = planStatement(tables, rule);
    const values = { ...judged, ...place, rowsMax: batchRowsMax, batchRowsMax };
    const plan = await inSession((session) => explain(session, search, values, { execute: true }));
    planned.push({ statement: `search: ${rule.scan}`, indexes, plan });
    const mark = markBatchStatement(tables, rule);
    const range = rangeValues({ after: placeBeforeAll, upTo: { keyUs: nowUs, delegationId: '' }, rows: 0, ids: null });
    const marked = { ...judged, ...range, foundIds: [], sweepId: '', rowsMax: batchRowsMax };
    const marking = await inSession((session) => explain(session, mark, marked, { execute: false })).catch(
      unlessForbidden,
    );
    if (marking !== null) planned.push({ statement: `mark: ${rule.scan}`, indexes, plan: marking });
  }
  // As the first look after a start asks: what comes due next, without the rows in progress.
  const question = {
    daemonId: null,
    judgedAt: nowUs,
    deadlinesFrom: nowUs,
    staleness,
    heard: false,
    ranges: [],
    lagMs: 0,
    asksEmpty: false,
  };
  const plan = await inSession((session) => explain(session, lookStatement(tables), question, { execute: true }));
  return [...planned, { statement: 'look', indexes: Object.values(indexOf), plan }];
}

/** A role that only reads may not plan the marks either. */
function unlessForbidden(err: unknown): null {
  if (sqlstateOf(err) === sqlstate.insufficientPrivilege) return null;
  throw err;
}

/** Pure: what is wrong with these plans. */
export function judgePlans(planned: readonly Planned[]): Seen<'no_index' | 'many_pages'>[] {
  const seen: Seen<'no_index' | 'many_pages'>[] = [];
  for (const { statement, indexes, plan } of planned) {
    const used = plan.nodes.flatMap(({ index }) => index ?? []);
    const whole = plan.nodes.find(({ table, type }) => table === 'delegations' && type.endsWith('Seq Scan'));
    if (whole !== undefined || !indexes.some((index) => used.includes(index))) {
      const instead = whole?.type ?? (used.length > 0 ? used.join(', ') : 'no index at all');
      const how = `EXPLAIN shows ${instead}, where ${indexes.join(' or ')} belongs`;
      seen.push({ fault: 'no_index', what: `"${statement}" does not find its rows by its index`, how });
    }
    const { buffers, rows } = plan;
    if (buffers !== null && buffers > BUFFERS_MAX + BUFFERS_PER_ROW * (rows ?? 0)) {
      const how = `EXPLAIN (ANALYZE, BUFFERS): ${buffers} pages`;
      seen.push({ fault: 'many_pages', what: `"${statement}" reads many pages`, how });
    }
  }
  return seen.length > 0 ? seen : [{ note: noteOf(planned) }];
}

function noteOf(planned: readonly Planned[]): string {
  const run = planned.filter(({ plan }) => plan.buffers !== null);
  const pages = run.reduce((sum, { plan }) => sum + (plan.buffers ?? 0), 0);
  return `all ${planned.length} statements use their indexes; the ${run.length} that read took ${pages} pages`;
}
