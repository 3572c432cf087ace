/** Of a CloudEvents 1.0 object, SQL expressions for its attributes. NULL: it has none. */
export interface EventAttributes {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly subject?: string;
  readonly traceparent?: string;
  /** A JSON object. */
  readonly data: string;
}

/** SQL: the event, without what is NULL. `place`: the quoted name of the ledger's schema. */
export function eventJson({ id, type, time, subject, traceparent, data }: EventAttributes, source: string): string {
  return `json_strip_nulls(json_build_object('specversion', '1.0', 'id', ${id}, 'source', ${source}, 'type', ${type},
      ${subject === undefined ? '' : `'subject', ${subject}, `}'time', ${time}, 'datacontenttype', 'application/json',
      ${traceparent === undefined ? '' : `'traceparent', ${traceparent}, `}'data', ${data}))`;
}

/** SQL: where the events of the ledger in this schema come from, a URI reference. `place`: its quoted name. */
export function eventSource(place: string): string {
  return `'/delegation-sweeper/' || ${percentEncoded('current_database()::text')} || '/' || ${percentEncoded(`(parse_ident(${place}))[1]`)}`;
}

const UNRESERVED = `'^[A-Za-z0-9._~-]*$'`;

/** SQL: a text as one segment of a URI's path. */
function percentEncoded(text: string): string {
  return `(CASE WHEN ${text} ~ ${UNRESERVED} THEN ${text} ELSE (
      SELECT string_agg(CASE WHEN chr(b.n) ~ ${UNRESERVED} AND b.n < 128 THEN chr(b.n)
        ELSE '%' || upper(lpad(to_hex(b.n), 2, '0')) END, '' ORDER BY b.i)
      FROM (SELECT i, get_byte(convert_to(${text}, 'UTF8'), i) AS n
        FROM generate_series(0, octet_length(convert_to(${text}, 'UTF8')) - 1) i) b) END)`;
}
