import type { LedgerDb } from '../../db/schema.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { assertNoTransaction } from '../arguments.ts';
import type { LedgerTables } from '../tables.ts';
import { Watch } from './watch.ts';
import { type WatchOptions, type WatchTarget, watchRequestOf } from './watch-request.ts';
import { WatchedCaller } from './watched-caller.ts';
import { WatchedIds } from './watched-ids.ts';

/** Begins watches. */
export class Watching {
  readonly #db: LedgerDb;
  readonly #tables: LedgerTables;
  readonly #log: EventLog;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#tables = tables;
    this.#log = log;
  }

  /** @throws InvalidArgumentError */
  watch(target: WatchTarget, options: WatchOptions): Watch {
    const { target: watched, events, after, ...pace } = watchRequestOf(target, options);
    assertNoTransaction(this.#db, 'watch', 'it may never see what others commit');
    const source =
      'ids' in watched
        ? new WatchedIds(this.#db, this.#tables, watched.ids, events)
        : new WatchedCaller(this.#db, this.#tables, watched.callerId, events, after);
    const onFailure = (err: unknown, retryInMs: number) =>
      this.#log.emit('ledger.watch_failed', { retryInMs, err: errorFields(err) });
    return new Watch(source, { ...pace, onFailure });
  }
}
