import { percentage } from '../../ops/page/format.ts';
import { readInForce } from '../../sweeper/threshold/in-force.ts';
import { check, type Seen } from '../check.ts';
import { heartbeatIndexesStatement } from '../statements/heartbeat-indexes.ts';
import { tableHealthStatement } from '../statements/table-health.ts';

/** With fewer heartbeats the share says nothing. */
const HEARTBEATS_MIN = 10_000;
const HOT_MIN = 0.5;
/** At a longer threshold agents may rightly be heard less than once in a bucket of five minutes: no heartbeat is HOT then. */
const THRESHOLD_MAX_MS = 900_000;

export const updates = check({
  name: 'updates',
  about:
    'Whether heartbeats are heap-only (HOT) updates, which touch no index: by the indexes over what they change, and by the statistics. Transitions are never HOT and are left out.',
  faults: {
    indexed: {
      severity: 'problem',
      when: 'An index holds a column that every heartbeat changes: each heartbeat then writes all indexes, at more than twice the WAL',
      remedy: '`DROP INDEX CONCURRENTLY {index};`. To find silent delegations, use heartbeat_bucket.',
    },
    cold: {
      severity: 'advice',
      when: `Less than ${HOT_MIN * 100} % of over ${HEARTBEATS_MIN} heartbeats were HOT`,
      remedy:
        "See the checks `vacuum`, `snapshots` and `table-settings` (fillfactor): there was no room on the pages. After they are corrected, `SELECT pg_stat_reset_single_table_counters('{delegations}'::regclass);`",
    },
  },
  async read(subject) {
    const { db, tables, options } = subject;
    const inForceMs = await readInForce(db);
    return subject.catalogue(async (session) => {
      const health = await tableHealthStatement().run(session, {
        schema: options.dbSchema,
        tables: ['delegations', 'activity_logs'],
      });
      const of = (table: string) => health.find((one) => one.table === table);
      return {
        inForceMs: inForceMs ?? options.stuckAfterMs,
        indexes: await heartbeatIndexesStatement(tables).run(session, {}),
        updates: of('delegations')?.updates ?? 0,
        hotUpdates: of('delegations')?.hotUpdates ?? 0,
        // Each transition is an activity.
        transitions: of('activity_logs')?.inserts ?? 0,
      };
    });
  },
  judge({ inForceMs, indexes, updates: all, hotUpdates, transitions }, { tables }) {
    const seen: Seen<'indexed' | 'cold'>[] = indexes.map(({ index, columns }) => ({
      fault: 'indexed',
      what: `The index ${index} makes every heartbeat write all indexes`,
      how: `it holds ${columns}`,
      names: { index },
    }));
    const heartbeats = all - transitions;
    if (heartbeats < HEARTBEATS_MIN) return seen;
    const share = Math.min(1, hotUpdates / heartbeats);
    const figures = `${percentage(share)} of about ${heartbeats} heartbeats since the statistics were reset`;
    if (share < HOT_MIN && inForceMs <= THRESHOLD_MAX_MS) {
      const names = { delegations: tables.delegations };
      seen.push({ fault: 'cold', what: 'Most heartbeats touch the indexes', how: `HOT: ${figures}`, names });
    } else seen.push({ note: `HOT: ${figures}` });
    return seen;
  },
});
