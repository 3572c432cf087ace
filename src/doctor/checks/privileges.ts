import { schemaFunctions } from '../../ledger/functions/schema-functions.ts';
import { check, type Seen } from '../check.ts';
import { heldNeeds } from '../held-needs.ts';
import { needWords, profileOf, retentionNeeds } from '../needs.ts';
import { executablesStatement } from '../statements/executables.ts';
import { privilegesStatement } from '../statements/privileges.ts';
import { serverStatement } from '../statements/server.ts';

const SHOWN_MAX = 12;

export const privileges = check({
  name: 'privileges',
  about:
    'The rights of the role that asks, against those that deploy/postgres/roles.sql gives to a sweeper, a writer or a reader, whichever it resembles most; of a sweeper with a retention also the right to delete; of a writer also the right to call the functions.',
  faults: {
    lacking: {
      severity: 'problem',
      when: 'The role lacks rights that its work needs',
      remedy:
        'Run `psql "$ADMIN_URL" -f deploy/postgres/roles.sql`, after each migration, with the names of your roles and schemas as its variables.',
    },
    may_not_prune: {
      severity: 'problem',
      when: 'RETENTION_DELEGATIONS or RETENTION_ACTIVITY is set here, and the role may not delete what they make due',
      remedy:
        'Run `psql "$ADMIN_URL" -v retention=on -f deploy/postgres/roles.sql`, with the names of your roles and schemas as its variables; or unset both.',
    },
    not_executable: {
      severity: 'problem',
      when: "A role that writes delegations may not call one of the ledger's functions",
      remedy: '`GRANT EXECUTE ON FUNCTION {functions} TO {role};`',
    },
  },
  read: (subject) =>
    subject.catalogue(async (db) => {
      const { dbSchema: schema } = subject.options;
      const [about] = await serverStatement().run(db, {});
      const held = await heldNeeds(db, subject.options);
      const deletes = await privilegesStatement().run(db, { needs: retentionNeeds(subject.options) });
      const names = [...new Set(schemaFunctions.map(({ name }) => name))];
      const refused = await executablesStatement().run(db, { schema, names });
      return { role: about!.role, held, deletes, refused: refused.map(({ signature }) => signature) };
    }),
  judge({ role, held, deletes, refused }) {
    const profile = profileOf(held);
    const seen: Seen<'lacking' | 'may_not_prune' | 'not_executable'>[] = [];
    const lacking = needWords(held[profile].filter((need) => !need.held));
    if (lacking.length > 0) {
      const shown = lacking.slice(0, SHOWN_MAX).join('; ');
      const how = `${shown}${lacking.length > SHOWN_MAX ? `; and ${lacking.length - SHOWN_MAX} more` : ''}`;
      seen.push({ fault: 'lacking', what: `The role ${role} lacks rights of a ${profile}`, how: `missing: ${how}` });
    }
    const undeletable = needWords(deletes.filter((need) => !need.held));
    if (profile === 'sweeper' && undeletable.length > 0) {
      const what = `A retention is set, and the role ${role} may not remove anything`;
      seen.push({ fault: 'may_not_prune', what, how: `missing: ${undeletable.join('; ')}` });
    }
    if (profile === 'writer' && refused.length > 0) {
      const what = `The role ${role} may not call ${refused.length} of the ledger's functions`;
      const names = { functions: refused.join(', '), role };
      seen.push({ fault: 'not_executable', what, how: `no EXECUTE on ${refused.join('; ')}`, names });
    }
    return seen.length > 0 ? seen : [{ note: `the role ${role} has the rights of a ${profile}` }];
  },
});
