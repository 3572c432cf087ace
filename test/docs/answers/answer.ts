import * as z from 'zod';

/** A command's `--json` answer: its schema, and how a test gets real ones. */
export interface Answer {
  /** Of the object that the command prints. `meta` its `description`, and that of each field that does not explain itself. */
  readonly schema: z.ZodType;
  /** Command lines whose answers the schema describes, `--json` included. Each is run on the database of `seed`. */
  readonly invocations: (seeded: Seeded) => readonly (readonly string[])[];
}

/** What is in the database on which the invocations run, one after the other. */
export interface Seeded {
  readonly callerId: string;
  readonly calleeId: string;
  readonly queuedId: string;
  readonly workingId: string;
  /** The sweep would mark it. */
  readonly silentId: string;
  readonly completedId: string;
  readonly stuckId: string;
}

/** A value as JSON.stringify writes it: for `satisfies`, so that a schema without a field of its type does not compile. */
export type Written<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Written<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Written<T[K]> }
      : T;

/** ISO 8601 in UTC. */
export const instant = z.iso.datetime();
export const count = z.int().nonnegative();
export const milliseconds = z.int().nonnegative().meta({ description: 'Milliseconds.' });
export const database = z.string().meta({ description: 'The database in words, without user and password.' });
export const embeddedDatabase = database.optional().meta({
  description: 'The embedded database that was asked; left out where DATABASE_URL names one.',
});
