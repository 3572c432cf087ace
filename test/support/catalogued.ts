import * as z from 'zod';
import type { CatalogueEvent } from '../../src/log/catalogue/event.ts';
import { catalogue, type EventFields, type EventName } from '../../src/log/catalogue.ts';

export type Line = {
  readonly [E in EventName]: { readonly event: E; readonly time: string } & EventFields<E>;
}[EventName];
export type LineOf<E extends EventName> = Extract<Line, { event: E }>;

const events: Record<string, CatalogueEvent> = catalogue;

/** The parsed log line; throws unless its level, message and fields are those of the catalogue. */
export function catalogued(text: string): Line {
  const line = JSON.parse(text) as Record<string, unknown>;
  const entry = events[String(line.event)];
  if (!entry) throw new Error(`not in the catalogue: ${text}`);
  const { error } = entry.fields
    .extend({
      level: z.literal(entry.level),
      message: z.literal(entry.message),
      service: z.literal('delegation-sweeper'),
      time: z.iso.datetime(),
      event: z.string(),
      // The lines of one ledger among those of DB_SCHEMAS.
      ledger: z.string().optional(),
      // The lines of a sweep, where its spans are recorded.
      trace_id: z.string().length(32).optional(),
      span_id: z.string().length(16).optional(),
    })
    .strict()
    .safeParse(line);
  if (error) throw new Error(`not as the catalogue has it: ${text}\n${z.prettifyError(error)}`);
  return line as unknown as Line;
}

/** A whole log: each line checked. */
export function cataloguedLines(lines: readonly string[]): Line[] {
  return lines.map(catalogued);
}

/** The lines of one event in a log, each line of the log checked. */
export function eventsOf<E extends EventName>(lines: readonly string[], event: E): LineOf<E>[] {
  return cataloguedLines(lines).filter((line): line is LineOf<E> => line.event === event);
}
