import { duration } from '../../log/duration.ts';
import { check } from '../check.ts';
import { futureStampsStatement } from '../statements/future-stamps.ts';

export const futureHeartbeats = check({
  name: 'future-heartbeats',
  about: 'Delegations in progress whose heartbeat lies in the future: they are not silent until it has passed.',
  faults: {
    future: {
      severity: 'problem',
      when: "A heartbeat lies in the future: the database's clock was set back, or a stamp was written past the guard",
      remedy:
        'Run a daemon, which sets them back within a minute of seeing the clock jump. Otherwise: `UPDATE {delegations} SET last_heartbeat = clock_timestamp() WHERE last_heartbeat > clock_timestamp();`',
    },
  },
  read: (subject) => subject.rows(async (db) => (await futureStampsStatement(subject.tables).run(db, {}))[0]!),
  judge({ rows, latestAheadMs, example }, { tables }) {
    if (rows === 0) return [];
    const how = `${rows} rows, the latest ${duration(latestAheadMs ?? 0)} ahead; ${example} is one`;
    const names = { delegations: tables.delegations };
    return [{ fault: 'future', what: 'Heartbeats lie in the future', how, names }];
  },
});
