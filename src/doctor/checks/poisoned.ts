import { check } from '../check.ts';
import { poisonedRowsStatement } from '../statements/poisoned-rows.ts';

export const poisoned = check({
  name: 'poisoned',
  about:
    'Delegations whose update the database refuses to the sweep: they are left out and tried again, and stay as they are meanwhile.',
  faults: {
    refused: {
      severity: 'problem',
      when: 'The database refuses the update of delegations that a sweep would mark',
      remedy:
        'The log says why (`sweep.poisoned`): mostly a trigger or a constraint of your own on {delegations}. Correct it; the next sweeps try the rows again.',
    },
  },
  read: (subject) => subject.rows(async (db) => (await poisonedRowsStatement(subject.tables).run(db, {}))[0]!),
  judge({ rows, examples }, { tables }) {
    if (rows === 0) return [];
    const how = `${rows} in sweeper_notices, among them ${examples.join(', ')}`;
    return [
      { fault: 'refused', what: 'Delegations cannot be marked', how, names: { delegations: tables.delegations } },
    ];
  },
});
