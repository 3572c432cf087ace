import { duration } from '../../log/duration.ts';
import { check, type Seen } from '../check.ts';
import { clockGapsStatement } from '../statements/clock-gaps.ts';

/** A difference that no round trip explains, and over which people misread instants. */
const SKEW_MAX_MS = 5_000;
const UNWATCHED_MAX_MS = 3_600_000;

export const clocks = check({
  name: 'clocks',
  about:
    "The database's clock against this machine's, and what the daemons saw of it in the last day: jumps, a database or a clock that went back, time that nobody watched.",
  faults: {
    skew: {
      severity: 'advice',
      when: `The clocks of the database and of this machine differ by over ${SKEW_MAX_MS / 1000} s. Delegations are judged by the database's alone; deadlines that callers compute are not`,
      remedy: 'Synchronise both by NTP: `timedatectl status` on each.',
    },
    jumped: {
      severity: 'problem',
      when: "The database's clock was set forward in the last day: that time did not count as silence",
      remedy:
        'Let the time service of the database host slew the clock instead of setting it (`chronyc tracking`), and do not suspend the machine.',
    },
    rewound: {
      severity: 'problem',
      when: 'The database or its clock went back in the last day: a backup was restored, a standby that lagged was promoted, or the clock was set back. No delegation was marked for its silence for a whole threshold',
      remedy:
        'The log says which: `database.rewound` or `clock.jumped`. After the first, agents repeat the results that they remember; look for delegations whose result is missing: `delegation-sweeper list --status stuck`. After the second, let the time service slew the clock instead of setting it (`chronyc tracking`).',
    },
    unwatched: {
      severity: 'advice',
      when: `For over ${duration(UNWATCHED_MAX_MS)} of the last day no daemon watched: dead agents were found later by as long`,
      remedy:
        'See why the daemons were away (`sweep.unobserved` and `database.unavailable` in their log), and run two replicas.',
    },
  },
  async read(subject) {
    const { skewMs } = await subject.status.status();
    return { skewMs, gaps: await subject.rows((db) => clockGapsStatement(subject.tables).run(db, {})) };
  },
  judge({ skewMs, gaps }) {
    const seen: Seen<'skew' | 'jumped' | 'rewound' | 'unwatched'>[] = [];
    if (Math.abs(skewMs) > SKEW_MAX_MS) {
      const how = `this machine is ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} the database`;
      seen.push({ fault: 'skew', what: 'The clocks of the database and of this machine differ', how });
    }
    for (const { kind, count, totalMs } of gaps) {
      const how = `${count} in sweeper_gaps in the last day, ${duration(totalMs)} in all`;
      if (kind === 'clock_jump') {
        seen.push({ fault: 'jumped', what: "The database's clock was set forward", how });
      } else if (kind === 'rewound') {
        seen.push({ fault: 'rewound', what: 'The database or its clock went back', how });
      } else if (totalMs > UNWATCHED_MAX_MS) {
        seen.push({ fault: 'unwatched', what: 'For long nobody watched the delegations', how });
      } else seen.push({ note: `no daemon watched for ${duration(totalMs)} of the last day` });
    }
    return [...seen, { note: `this machine's clock differs from the database's by ${duration(Math.abs(skewMs))}` }];
  },
});
