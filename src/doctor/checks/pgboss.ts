import { installedVersion, requiredVersion } from '../../jobs/pgboss-version.ts';
import { sweepQueue } from '../../sweeper/schedule/queue-name.ts';
import { SWEEP_POLICY } from '../../sweeper/schedule/sweep-queue.ts';
import { check, type Seen } from '../check.ts';
import { readScheduleState } from '../schedule-state.ts';

export const pgboss = check({
  name: 'pgboss',
  about:
    "The version of pg-boss's schema against the one that this release works with, and the policy of the queue of sweeps.",
  faults: {
    missing: {
      severity: 'problem',
      when: "pg-boss's schema is not installed",
      remedy: 'Run `delegation-sweeper migrate up`, or set PGBOSS_SCHEMA to the schema that has it.',
    },
    outdated: {
      severity: 'problem',
      when: "pg-boss's schema is older than this release needs",
      remedy: 'Run `delegation-sweeper migrate up`.',
    },
    newer: {
      severity: 'advice',
      when: "pg-boss's schema is newer than this release knows: another program uses a later pg-boss",
      remedy:
        'Give each program a pg-boss schema of its own (PGBOSS_SCHEMA), or bring both to the same version of pg-boss.',
    },
    policy: {
      severity: 'problem',
      when: 'The queue of sweeps has another policy, so that sweeps pile up or are lost',
      remedy:
        'Restart a daemon, which makes the queue anew: `kubectl -n delegation-sweeper rollout restart deployment/delegation-sweeper`.',
    },
  },
  async read(subject) {
    const installed = await installedVersion(subject.db, subject.options.pgbossSchema);
    return { installed, state: installed === null ? null : await readScheduleState(subject) };
  },
  judge({ installed, state }, { options }) {
    const policy = state?.policy ?? null;
    if (installed === null) {
      const how = `the schema ${options.pgbossSchema} has no table version`;
      return [{ fault: 'missing', what: "pg-boss's schema is not installed", how }];
    }
    const seen: Seen<'outdated' | 'newer' | 'policy'>[] = [];
    const how = `version ${installed} is installed, ${requiredVersion} is needed`;
    if (installed < requiredVersion) seen.push({ fault: 'outdated', what: "pg-boss's schema is too old", how });
    if (installed > requiredVersion)
      seen.push({ fault: 'newer', what: "pg-boss's schema is newer than this program", how });
    if (policy !== null && policy !== SWEEP_POLICY) {
      const queue = sweepQueue(options.dbSchema);
      const policies = `the queue ${queue} has the policy ${policy}, and needs ${SWEEP_POLICY}`;
      seen.push({ fault: 'policy', what: 'The queue of sweeps has the wrong policy', how: policies });
    }
    return seen.length > 0 ? seen : [{ note: `pg-boss schema ${installed}` }];
  },
});
