import { check, type Seen } from '../check.ts';
import { asymmetriesStatement } from '../statements/asymmetries.ts';
import { foreignWritersStatement } from '../statements/foreign-writers.ts';

export const symmetry = check({
  name: 'symmetry',
  about:
    'Delegations whose status is not that of their last transition in the activity, among a thousand open ones and those of the last thousand activities; and, as a note, which roles may be changing statuses by plain UPDATE.',
  faults: {
    asymmetric: {
      severity: 'problem',
      when: 'A status was written without its activity: past the triggers of the ledger, or by a restore of one table alone',
      remedy:
        'See that the triggers are there and enabled (the check `objects`), and that nobody sets session_replication_role or disables them. The history of these delegations is not complete.',
    },
  },
  read: (subject) =>
    subject.rows(async (db) => ({
      asymmetries: await asymmetriesStatement(subject.tables).run(db, {}),
      writers: await foreignWritersStatement(subject.tables).run(db, {}),
    })),
  judge({ asymmetries, writers }, { options }) {
    const seen: Seen<'asymmetric'>[] = [];
    if (asymmetries.length > 0) {
      const examples = asymmetries.map(
        ({ delegationId, status, last }) => `${delegationId} is ${status}, its activity says ${last ?? 'nothing'}`,
      );
      const what = `${asymmetries[0]!.found} of the delegations that were looked at have a status without its activity`;
      seen.push({ fault: 'asymmetric', what, how: examples.join('; ') });
    }
    for (const { role, transitions } of writers) {
      const note = `${transitions} of the last thousand activities have the role ${role} as their actor: it changes statuses by plain UPDATE or INSERT, or by the functions with its own name as the actor, which the activity does not tell apart. A plain statement's activity lacks what only the writer knows (who did it, its bodies); ${options.dbSchema}.delegation_set_status and delegation_insert record that (docs/sql.md)`;
      seen.push({ note });
    }
    return seen;
  },
});
