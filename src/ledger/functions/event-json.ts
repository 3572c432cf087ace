/** Of a CloudEvents 1.0 object, SQL expressions for its attributes. */
export interface EventAttributes {
  readonly type: string;
  readonly id: string;
  /** Of delegation_event_source. */
  readonly source: string;
  readonly time: string;
  /** Absent: it has none. */
  readonly subject?: string;
  /** NULL or absent: it has none. */
  readonly traceparent?: string;
  /** A jsonb object. */
  readonly data: string;
}

/** SQL: the event, a jsonb object. */
export function eventJson({ type, id, source, time, subject, traceparent, data }: EventAttributes): string {
  const event = `jsonb_build_object('specversion', '1.0', 'id', ${id}, 'source', ${source}, 'type', ${type},
      ${subject === undefined ? '' : `'subject', ${subject}, `}'time', ${time}, 'datacontenttype', 'application/json', 'data', ${data})`;
  return traceparent === undefined ? event : `${event} || ${optional('traceparent', traceparent)}`;
}

/** SQL: an object with the value, or without it where it is NULL. */
export function optional(name: string, value: string): string {
  return `CASE WHEN ${value} IS NULL THEN '{}' ELSE jsonb_build_object('${name}', ${value}) END`;
}
