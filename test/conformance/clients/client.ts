import type { Answer, Method, Value } from '../case.ts';

/** Where the ledger is, and as whom to work on it. */
export interface Place {
  readonly url: string;
  readonly schema: string;
}

/** One program that works on a ledger: through the library, or through the functions of the schema. */
export interface Client extends AsyncDisposable {
  readonly speaks: 'library' | 'functions';
  call(method: Method, values: Readonly<Record<string, Value>>): Promise<Answer>;
  /** A statement of its own, without the library or the functions, in the ledger's schema. */
  execute(sql: string): Promise<Answer>;
}

export type OpenClient = (place: Place) => Promise<Client>;
