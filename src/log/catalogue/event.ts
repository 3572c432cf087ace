import type * as z from 'zod';
import type { EventLevel } from '../event-level.ts';

/** An entry of the catalogue. On the line `fields` follow level, time, service and event. */
export interface CatalogueEvent<Fields extends z.ZodObject = z.ZodObject> {
  readonly level: EventLevel;
  readonly message: string;
  readonly fields: Fields;
}

export function event<Fields extends z.ZodObject>(
  level: EventLevel,
  message: string,
  fields: Fields,
): CatalogueEvent<Fields> {
  return { level, message, fields };
}
