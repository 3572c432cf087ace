import { errorFields } from '../log/error-fields.ts';
import type { Refusal } from '../sweeper/observed-time/refusal.ts';
import type { OutdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import type { Punctuality } from '../sweeper/status/status.ts';
import { json, type Route } from './answer.ts';

export interface ReadinessReading {
  readonly outdated: OutdatedSchema | null;
  /** Null when the schema is outdated, since the tables that would be read may be missing. */
  readonly punctuality: Punctuality | null;
  /** Why silence cannot be judged; null (the default): it can. */
  readonly refusal?: Refusal | null;
}

export interface UnreadyReason {
  readonly reason:
    | 'database_unreachable'
    | 'database_refused'
    | 'schema_outdated'
    | 'never_swept'
    | 'not_sweeping'
    | 'no_ledger'
    | 'no_ledger_ready'
    | Refusal['reason'];
  readonly detail: string;
}

/** A clock that is being slewed may be slightly behind. */
const AHEAD_TOLERATED_MS = 1_000;

/** Why the daemon is not ready; empty when it is. */
export function unreadyReasons({ outdated, punctuality, refusal = null }: ReadinessReading): UnreadyReason[] {
  if (outdated !== null) {
    const { component, found, required, remedy } = outdated;
    const detail = `${component}: found ${found ?? 'none'}, needs ${required}; ${remedy}`;
    return [{ reason: 'schema_outdated', detail }];
  }
  if (refusal !== null) return [{ reason: refusal.reason, detail: refusal.remedy }];
  if (punctuality === null) return [];
  const { now, sweptAt, dueSince } = punctuality;
  if (sweptAt === null) return [{ reason: 'never_swept', detail: 'no sweep has completed yet' }];
  // The database's clock was set back: that sweep says nothing about now, until a daemon's beat corrects the instant.
  if (sweptAt.getTime() > now.getTime() + AHEAD_TOLERATED_MS) {
    const detail = `last successful sweep ${sweptAt.toISOString()} lies in the future: the database's clock was set back to ${now.toISOString()}`;
    return [{ reason: 'not_sweeping', detail }];
  }
  if (sweptAt >= dueSince) return [];
  const detail = `last successful sweep ${sweptAt.toISOString()}, three ticks have passed since ${dueSince.toISOString()}`;
  return [{ reason: 'not_sweeping', detail }];
}

/** What to do when the database answered and refused; null for a database that is away. */
export type RefusalOf = (err: unknown) => { readonly remedy: string } | null;

/** What /readyz says of one ledger. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly UnreadyReason[];
  readonly sweptAt: Date | null;
  readonly nextAt: Date | null;
}

/** Never rejects: what cannot be read is a reason. */
export async function readinessOf(read: () => Promise<ReadinessReading>, refusalOf: RefusalOf): Promise<Readiness> {
  try {
    const reading = await read();
    const reasons = unreadyReasons(reading);
    const { sweptAt = null, nextAt = null } = reading.punctuality ?? {};
    return { ready: reasons.length === 0, reasons, sweptAt, nextAt };
  } catch (err) {
    return { ready: false, reasons: [failureReason(err, refusalOf)], sweptAt: null, nextAt: null };
  }
}

/** Ready, or 503 with the reasons. */
export function readyzRoute(read: () => Promise<ReadinessReading>, refusalOf: RefusalOf): Route {
  return async () => {
    const readiness = await readinessOf(read, refusalOf);
    return json(readiness.ready ? 200 : 503, readiness);
  };
}

/**
 * The same for many ledgers, by name. One that is not ready is named and holds back only itself: the daemon is ready while
 * one of them is. 503 where none is, or where there is none.
 */
export function manyReadyzRoute(read: () => Promise<ReadonlyMap<string, Readiness>>): Route {
  return async () => {
    const ledgers = [...(await read())].map(([ledger, readiness]) => ({ ledger, ...readiness }));
    const ready = ledgers.some((ledger) => ledger.ready);
    const reasons: UnreadyReason[] = [];
    if (ledgers.length === 0) {
      reasons.push({ reason: 'no_ledger', detail: 'there is no schema that DB_SCHEMAS names; run `migrate up`' });
    } else if (!ready) {
      reasons.push({ reason: 'no_ledger_ready', detail: 'none of the ledgers is ready; each says why' });
    }
    return json(ready ? 200 : 503, { ready, reasons, ledgers });
  };
}

function failureReason(err: unknown, refusalOf: RefusalOf): UnreadyReason {
  const { code, message } = errorFields(err);
  const detail = code === null ? message : `${message} (${code})`;
  const refusal = refusalOf(err);
  if (refusal === null) return { reason: 'database_unreachable', detail };
  return { reason: 'database_refused', detail: `${detail}; ${refusal.remedy}` };
}

/** Answering shows that the process is alive. The database is not asked: its outage is no reason to restart the daemon. */
export const livezRoute: Route = () => json(200, { alive: true });
