import { check, type Seen } from '../check.ts';
import { searchPathStatement } from '../statements/search-path.ts';

const SHOWN_MAX = 5;

export const searchPath = check({
  name: 'search-path',
  about:
    "The search path of the role that asks. The programs name their schema; people's own SQL, and triggers of yours, may not.",
  faults: {
    replaced: {
      severity: 'problem',
      when: 'A schema that the search path puts before pg_catalog replaces system functions',
      remedy:
        'Leave pg_catalog out of the path, which then comes first: `ALTER ROLE CURRENT_USER SET search_path = {schema}, public;`',
    },
  },
  read: (subject) =>
    subject.catalogue(async (db) => (await searchPathStatement().run(db, { schema: subject.options.dbSchema }))[0]!),
  judge({ path, effective, replaced, onPath }, { options }) {
    const seen: Seen<'replaced'>[] = [];
    if (replaced.length > 0) {
      const shown = `${replaced.slice(0, SHOWN_MAX).join(', ')}${replaced.length > SHOWN_MAX ? `, and ${replaced.length - SHOWN_MAX} more` : ''}`;
      seen.push({
        fault: 'replaced',
        what: 'System functions are replaced by others of the same name',
        how: `search_path is ${path}, in effect ${effective.join(', ')}: ${shown}`,
        names: { schema: options.dbSchema },
      });
    }
    if (!onPath) seen.push({ note: `${options.dbSchema} is not on the search path: name it in SQL of your own` });
    return seen;
  },
});
