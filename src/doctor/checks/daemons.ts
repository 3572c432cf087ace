import { durationText } from '../../config/duration.ts';
import { duration } from '../../log/duration.ts';
import { readInForce } from '../../sweeper/threshold/in-force.ts';
import { check, type Seen } from '../check.ts';
import { daemonsStatement } from '../statements/daemons.ts';

export const daemons = check({
  name: 'daemons',
  about:
    'The daemons that leave beats for this ledger: that there is one, and that they, and this configuration, agree on the threshold.',
  faults: {
    none: {
      severity: 'problem',
      when: 'No daemon leaves beats for this ledger: nobody looks for dead agents',
      remedy:
        'Start one: `delegation-sweeper start`, or `kubectl -n delegation-sweeper get pods`. If one runs, compare its DATABASE_URL and DB_SCHEMA, and read its log (`database.unavailable`, `database.schema_outdated`).',
    },
    differ: {
      severity: 'advice',
      when: 'The daemons have different thresholds (STUCK_AFTER); the longest is in force',
      remedy: 'Give all replicas the same STUCK_AFTER. During a rollout this passes by itself.',
    },
    other_here: {
      severity: 'advice',
      when: 'STUCK_AFTER is set here to another value than the one in force',
      remedy: "Unset STUCK_AFTER here, or set it to {inForce}, the daemons' threshold.",
    },
  },
  async read(subject) {
    const { db, tables } = subject;
    const inForceMs = await readInForce(db);
    return { inForceMs, seen: await subject.catalogue((session) => daemonsStatement(tables).run(session, {})) };
  },
  judge({ inForceMs, seen: all }, { options }) {
    const present = all.filter((daemon) => daemon.present);
    if (present.length === 0) {
      const [last] = all;
      const how =
        last === undefined
          ? 'sweeper_daemons has no beat of the last day'
          : `the last beat was ${duration(last.beatAgoMs)} ago`;
      return [{ fault: 'none', what: 'No daemon is running for this ledger', how }];
    }
    const seen: Seen<'none' | 'differ' | 'other_here'>[] = [];
    const thresholds = [...new Set(present.map(({ stuckAfterMs }) => stuckAfterMs))].sort((a, b) => a - b);
    if (thresholds.length > 1) {
      const how = `${present.length} daemons with ${thresholds.map(durationText).join(', ')}; in force: ${durationText(Math.max(...thresholds))}`;
      seen.push({ fault: 'differ', what: 'The daemons have different thresholds', how });
    }
    if (options.stuckAfterIsSet && inForceMs !== null && options.stuckAfterMs !== inForceMs) {
      const names = { inForce: durationText(inForceMs) };
      const how = `STUCK_AFTER is ${durationText(options.stuckAfterMs)} here, and ${names.inForce} is in force`;
      seen.push({ fault: 'other_here', what: "STUCK_AFTER here is not the daemons'", how, names });
    }
    const alone = present.length === 1 ? '; two would go on when one is away' : '';
    return [...seen, { note: `daemons running: ${present.length}${alone}` }];
  },
});
