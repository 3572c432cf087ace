import { expectedRights, type Profile } from './expected/rights.ts';

/** A right that a role needs: on a schema, a table, or a column of it. */
export interface Need {
  readonly schema: string;
  readonly object: string | null;
  readonly column: string | null;
  readonly privilege: string;
}

export interface Schemas {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
}

/** What is removed: nothing, activity alone, or delegations and activity. */
export interface Retention {
  readonly retention: 'off' | 'activity' | 'delegations';
}

/** The rights that deploy/postgres/roles.sql gives to a role of this kind. */
export function needsOf(profile: Profile, { dbSchema, pgbossSchema }: Schemas): Need[] {
  return Object.entries(expectedRights[profile]).flatMap(([place, rights]) => {
    const [owner, object = null] = place.split('.');
    const schema = owner === 'pgboss' ? pgbossSchema : dbSchema;
    return rights.split('; ').flatMap((right) => {
      const [, privilege = right, columns = null] = /^(\w+)(?: \((.*)\))?$/.exec(right) ?? [];
      const named = columns === null ? [null] : columns.split(', ');
      return named.map((column): Need => ({ schema, object, column, privilege }));
    });
  });
}

/** The rights that a sweeper needs besides, where a retention is set: roles.sql gives them only when it is asked to. */
export function retentionNeeds({ dbSchema: schema, retention }: Schemas & Retention): Need[] {
  const tables =
    retention === 'off' ? [] : retention === 'activity' ? ['activity_logs'] : ['activity_logs', 'delegations'];
  return tables.map((object) => ({ schema, object, column: null, privilege: 'DELETE' }));
}

export type HeldNeed = Need & { readonly held: boolean };

/** Rights to write, by which roles are told apart: each of them reads. */
const isWrite = ({ privilege }: Need) => ['INSERT', 'UPDATE', 'DELETE'].includes(privilege);

/** Which kind of role this is: the one of whose rights to write it has the largest part; a reader where it has none. */
export function profileOf(held: Readonly<Record<Profile, readonly HeldNeed[]>>): Profile {
  const share = (profile: Profile) => {
    const writes = held[profile].filter(isWrite);
    return writes.filter((need) => need.held).length / Math.max(1, writes.length);
  };
  const [sweeper, writer] = [share('sweeper'), share('writer')];
  if (sweeper === 0 && writer === 0) return 'reader';
  return sweeper >= writer ? 'sweeper' : 'writer';
}

/** `UPDATE (status, revision) on delegations`, one for each object and privilege. */
export function needWords(needs: readonly Need[]): string[] {
  const byRight = Map.groupBy(needs, ({ schema, object, privilege }) => JSON.stringify([schema, object, privilege]));
  return [...byRight.values()].map((group) => {
    const { schema, object, privilege } = group[0]!;
    const columns = group.flatMap(({ column }) => column ?? []);
    const right = columns.length === 0 ? privilege : `${privilege} (${columns.join(', ')})`;
    return `${right} on ${object === null ? `the schema ${schema}` : `${schema}.${object}`}`;
  });
}
