import type { z } from 'zod';
import type { EventLevel } from '../event-level.ts';

/** What stands in the catalogue: `fields` follow level, time, service, event and message on the line. */
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
