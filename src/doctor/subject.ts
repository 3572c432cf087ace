import { boundedRead, readOnly } from '../db/bounded-read.ts';
import type { LedgerDb } from '../db/schema.ts';
import { type PgBossTables, pgBossTables } from '../jobs/pgboss-tables.ts';
import { type StatusOptions, StatusReader } from '../sweeper/status/status-reader.ts';
import { type SweeperTables, sweeperTables } from '../sweeper/tables.ts';
import type { Retention } from './needs.ts';

/** What is known of the installation without its database. */
export interface DoctorOptions extends StatusOptions, Retention {
  /** The connection URL as it is now. Never printed. */
  readonly url: () => string;
  readonly dbSchema: string;
  readonly pgbossSchema: string;
  readonly stuckAfterIsSet: boolean;
  readonly webhookIsSet: boolean;
  readonly batchRowsMax: number;
  /** Connections that one replica uses at most. */
  readonly replicaConnectionsMax: number;
  /** How long a daemon that has just started has until its first sweep and its schedule are there. Default 15 s. */
  readonly settleMs?: number;
  /** A snapshot, or a prepared transaction, of this age holds vacuum up for too long. Default 5 min. */
  readonly snapshotAgeMs?: number;
  /** So many transactions may be held back by a replication slot or a standby. Default a million. */
  readonly heldTransactionsMax?: number;
}

/** The server ends a check's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** The installation that is examined. */
export class Subject {
  readonly db: LedgerDb;
  readonly options: DoctorOptions;
  readonly tables: SweeperTables;
  readonly pgboss: PgBossTables;
  readonly status: StatusReader;

  /** `db` addresses the ledger's schema. */
  constructor(db: LedgerDb, options: DoctorOptions) {
    this.db = db;
    this.options = options;
    this.tables = sweeperTables(db);
    this.pgboss = pgBossTables(options.pgbossSchema);
    this.status = new StatusReader(db, options);
  }

  /** Reads rows, by an index. @throws the database's error. */
  rows<Result>(read: (db: LedgerDb) => Promise<Result>): Promise<Result> {
    return boundedRead(this.db, STATEMENT_TIMEOUT_MS, read);
  }

  /** Reads the catalogue, the statistics, or plans. @throws the database's error. */
  catalogue<Result>(read: (db: LedgerDb) => Promise<Result>): Promise<Result> {
    return readOnly(this.db, STATEMENT_TIMEOUT_MS, read);
  }
}
