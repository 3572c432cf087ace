import { expected } from './comparison.ts';
import { TICK_MS } from './face.ts';
import type { Told } from './invariants.ts';
import type { Id } from './operation.ts';
import * as reference from './reference.ts';
import { canonical, type Ledger, same } from './reference-ledger.ts';
import type { Rule } from './reference-sweep.ts';

/** One row that a sweep marked, from the activity. */
export interface Mark {
  readonly id: Id;
  readonly rule: Rule;
}

/** What one session did, in order; a sweep comes with its marks. */
export type Done = Told & { readonly marks: readonly Mark[] };

/** An indivisible step: the ledger after it, or null when it cannot have happened now with its answer. */
type Atom = (ledger: Ledger) => Ledger | null;

/** The atoms of one operation, in any order. A sweep is as many as the rows it marked, a heartbeatMany as its ids. */
function atomsOf({ operation, result, marks }: Done, retriesMax: number): Atom[] {
  // Rolled back: as if it had not happened.
  if (result === undefined && operation.op !== 'beat') return [];
  switch (operation.op) {
    case 'heartbeat':
      return [heard(operation.id, operation.progress, result)];
    case 'heartbeatMany': {
      const answers = new Map(operation.ids.map((id, index) => [id, (result as unknown[])[index]]));
      return [...answers].map(([id, answer]) => heard(id, null, answer));
    }
    case 'sweep':
      return marks.map(
        ({ id, rule }) =>
          (ledger) =>
            reference.mark(ledger, id, rule, operation.force, retriesMax),
      );
    case 'beat':
      return [(ledger) => reference.beat(ledger)];
    default:
      return [exactly((ledger) => reference.apply(ledger, operation), result)];
  }
}

function exactly(apply: (ledger: Ledger) => { ledger: Ledger; result: unknown }, result: unknown): Atom {
  return (ledger) => {
    const after = apply(ledger);
    return same(after.result, result) ? after.ledger : null;
  };
}

/** Two heartbeats at once may both be stamped. */
function heard(id: Id, progress: string | null, result: unknown): Atom {
  const { stuckAfterMs: told, ...answer } = result as { stuckAfterMs?: number; outcome: string };
  return (ledger) => {
    const after = reference.heartbeat(ledger, { id, progress });
    if (told !== undefined && (after.paceTicks === null || told !== after.paceTicks * TICK_MS)) return null;
    const again = answer.outcome === 'stamped' && after.result.outcome === 'fresh';
    return same(again ? { ...after.result, outcome: 'stamped' } : after.result, answer) ? after.ledger : null;
  };
}

/**
 * Looks for an order in which the sessions' operations, one at a time, give each caller its answer and end in `picture`.
 * Returns the ledger after it, or null when there is none: then no order explains what happened.
 */
export function linearise(
  ledger: Ledger,
  sessions: readonly (readonly Done[])[],
  picture: string,
  retriesMax: number,
): Ledger | null {
  const work = sessions.map((done) => done.map((one) => atomsOf(one, retriesMax)).filter((atoms) => atoms.length > 0));
  const seen = new Set<string>();
  const search = (now: Ledger, left: readonly (readonly (readonly Atom[])[])[]): Ledger | null => {
    if (left.every((operations) => operations.length === 0)) return expected(now) === picture ? now : null;
    const place = `${left.map((operations) => operations.map((atoms) => atoms.map((atom) => idOf(atom))))}|${canonical(now)}`;
    if (seen.has(place)) return null;
    seen.add(place);
    for (const [session, operations] of left.entries()) {
      for (const atom of operations[0] ?? []) {
        const after = atom(now);
        if (after === null) continue;
        const rest = operations[0]!.filter((other) => other !== atom);
        const remaining = rest.length > 0 ? [rest, ...operations.slice(1)] : operations.slice(1);
        const found = search(after, left.with(session, remaining));
        if (found) return found;
      }
    }
    return null;
  };
  return search(ledger, work);
}

const atomIds = new WeakMap<Atom, number>();
let atomCount = 0;

function idOf(atom: Atom): number {
  const known = atomIds.get(atom) ?? ++atomCount;
  atomIds.set(atom, known);
  return known;
}
