import { literal } from '../db/literal.ts';
import type { Finding, Severity } from './finding.ts';
import { quoted } from './quoted.ts';
import type { Subject } from './subject.ts';

/** One kind of fault that a check finds. The documentation lists them (docs/doctor.md). */
export interface Fault {
  readonly severity: Severity;
  /** When it is found: a sentence without its full stop. */
  readonly when: string;
  /** What to do, a command between backticks. `{name}` stands for what one finding names. */
  readonly remedy: string;
}

/** What a judgement says: a fault that it saw, a note, or why it could not judge a part. */
export type Seen<Name extends string> = Observed<Name> | { readonly note: string } | { readonly unchecked: string };

export interface Observed<Name extends string> {
  readonly fault: Name;
  readonly what: string;
  /** The figures. */
  readonly how: string;
  /** The values of the remedy's `{name}`s. */
  readonly names?: Readonly<Record<string, string>>;
}

export interface CheckDefinition<Reading, Name extends string> {
  readonly name: string;
  /** What it looks at, for the documentation. */
  readonly about: string;
  readonly faults: Readonly<Record<Name, Fault>>;
  /** @throws the database's error, NotRun, or CommandError. */
  read(subject: Subject): Promise<Reading>;
  /** Pure. */
  judge(reading: Reading, subject: Subject): readonly Seen<NoInfer<Name>>[];
}

/** Why a check cannot be run here. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

export interface Check {
  readonly name: string;
  readonly about: string;
  readonly faults: Readonly<Record<string, Fault>>;
  /** @throws as `read` does. */
  run(subject: Subject): Promise<Outcome>;
}

export interface Outcome {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  /** Why parts of it could not be checked. */
  readonly unchecked: readonly string[];
}

/** A check: a pure judgement over a reading of the database. */
export function check<Reading, Name extends string>(definition: CheckDefinition<Reading, Name>): Check {
  const { name, about, faults } = definition;
  return {
    name,
    about,
    faults,
    async run(subject) {
      const seen = definition.judge(await definition.read(subject), subject);
      return {
        findings: seen.flatMap((one) => ('fault' in one ? [findingOf(name, faults[one.fault], one)] : [])),
        notes: seen.flatMap((one) => ('note' in one ? [one.note] : [])),
        unchecked: seen.flatMap((one) => ('unchecked' in one ? [one.unchecked] : [])),
      };
    },
  };
}

/** Of the names in a remedy, those that are SQL identifiers. */
const identifiers = new Set(['schema', 'table', 'role', 'name']);
/** Those that are SQL strings. */
const literals = new Set(['gid', 'slot']);

function findingOf(check: string, { severity, remedy }: Fault, { what, how, names = {} }: Observed<string>): Finding {
  const filled = remedy.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = names[name];
    if (value === undefined) return placeholder;
    if (literals.has(name)) return literal(value);
    return identifiers.has(name) ? quoted(value) : value;
  });
  return { check, severity, what, how, remedy: filled };
}
