import type { Micros } from '../instant.ts';

/** A row's place in a rule's order. */
export interface Place {
  readonly keyUs: Micros;
  readonly delegationId: string;
}

/** Before every row: no instant of a real one is earlier than 4713 BC. */
export const placeBeforeAll: Place = { keyUs: Number.NEGATIVE_INFINITY, delegationId: '' };

/** A batch's rows: after one place, up to and with another. */
export interface Range {
  readonly after: Place;
  readonly upTo: Place;
  /** Rows in it when it was planned. */
  readonly rows: number;
  /** Their ids where they are few; null: they are found by their places. */
  readonly ids: readonly string[] | null;
}
