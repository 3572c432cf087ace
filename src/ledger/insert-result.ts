import type { InvalidArgumentError } from './errors.ts';
import type { Status } from './transitions.ts';

/**
 * `inserted`: recorded as queued. `duplicate`: nothing written, since another row has the id or the caller's idempotency
 * key; `delegationId` and `status` are that row's. `invalid`: nothing written, `error.field` names the argument; logged.
 * `failed`: the database refused it or gave no answer, in which case it may be recorded; logged. Insert it again
 * with the same id: then `inserted` or `duplicate` means that it is recorded.
 */
export type InsertResult =
  | { readonly outcome: 'inserted'; readonly delegationId: string; readonly status: Status }
  | { readonly outcome: 'duplicate'; readonly delegationId: string; readonly status: Status }
  | {
      readonly outcome: 'invalid';
      readonly delegationId: string;
      readonly status?: never;
      readonly error: InvalidArgumentError;
    }
  | { readonly outcome: 'failed'; readonly delegationId: string; readonly status?: never; readonly error: Error };
