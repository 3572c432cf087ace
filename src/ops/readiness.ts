import { errorFields } from '../log/error-fields.ts';
import { json, type Route } from './answer.ts';
import type { OutdatedSchema, Punctuality } from './probes.ts';

export interface ReadinessReading {
  readonly outdated: OutdatedSchema | null;
  /** Null when the schema is outdated: it may not have what would be read. */
  readonly punctuality: Punctuality | null;
}

export interface UnreadyReason {
  readonly reason: 'database_unreachable' | 'database_refused' | 'schema_outdated' | 'never_swept' | 'not_sweeping';
  readonly detail: string;
}

/** Why the daemon is not ready; empty when it is. */
export function unreadyReasons({ outdated, punctuality }: ReadinessReading): UnreadyReason[] {
  if (outdated !== null) {
    const { component, found, required, remedy } = outdated;
    const detail = `${component}: found ${found ?? 'none'}, needs ${required}; ${remedy}`;
    return [{ reason: 'schema_outdated', detail }];
  }
  if (punctuality === null) return [];
  const { sweptAt, dueSince } = punctuality;
  if (sweptAt === null) return [{ reason: 'never_swept', detail: 'no sweep has gone through yet' }];
  if (sweptAt >= dueSince) return [];
  const detail = `last successful sweep ${sweptAt.toISOString()}, three ticks have passed since ${dueSince.toISOString()}`;
  return [{ reason: 'not_sweeping', detail }];
}

/** Whether the database answered and said no, and what to do about it then; null for a database that is away. */
export type RefusalOf = (err: unknown) => { readonly remedy: string } | null;

/** Ready, or 503 with the reasons. */
export function readyzRoute(read: () => Promise<ReadinessReading>, refusalOf: RefusalOf): Route {
  return async () => {
    try {
      const reading = await read();
      const reasons = unreadyReasons(reading);
      const { sweptAt = null, nextAt = null } = reading.punctuality ?? {};
      return json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons, sweptAt, nextAt });
    } catch (err) {
      return json(503, { ready: false, reasons: [failureReason(err, refusalOf)], sweptAt: null, nextAt: null });
    }
  };
}

function failureReason(err: unknown, refusalOf: RefusalOf): UnreadyReason {
  const { code, message } = errorFields(err);
  const detail = code === null ? message : `${message} (${code})`;
  const refusal = refusalOf(err);
  if (refusal === null) return { reason: 'database_unreachable', detail };
  return { reason: 'database_refused', detail: `${detail}; ${refusal.remedy}` };
}

/** Alive is whoever answers. Nothing is asked of the database: its outage is no reason to restart the daemon. */
export const livezRoute: Route = () => json(200, { alive: true });
