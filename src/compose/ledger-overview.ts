import type { Config } from '../config/config.ts';
import { type DatabaseHandle, openDatabase } from '../db/database.ts';
import { schemaVersion } from '../db/migrator.ts';
import { isRefusal, remedyOf } from '../db/refusal.ts';
import { type Readiness, readinessOf } from '../ops/readiness.ts';
import { StatusReader } from '../sweeper/status/status-reader.ts';
import { configOf, type FoundLedger } from './found-ledgers.ts';
import { connectionOf, type Location } from './location.ts';
import { readReadiness } from './readiness-reading.ts';
import { statusOptions } from './sweeper-options.ts';

/** Ledgers that are read at once. */
const READ_AT_ONCE = 4;
/** A ledger that does not answer for so long, such as one that is locked, is listed as unreachable. */
const QUERY_TIMEOUT_MS = 6_000;

/** What `ledgers` says of one ledger. */
export interface LedgerOverview extends Readiness {
  readonly ledger: string;
  /** The newest migration; null: there is no ledger in this schema, or it cannot be read. */
  readonly version: string | null;
  /** Counted to a million; null: it cannot be read. */
  readonly inProgress: number | null;
}

/** Reads each of them, several at once. A failure is what is said of its ledger. */
export async function ledgerOverviews(
  config: Config,
  place: Pick<Location, 'location'>,
  found: readonly FoundLedger[],
): Promise<LedgerOverview[]> {
  const overviews = new Map<string, LedgerOverview>();
  const left = [...found];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      overviews.set(next.name, await overviewOf(config, place, next));
    }
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, worker));
  return found.map(({ name }) => overviews.get(name)!);
}

async function overviewOf(
  config: Config,
  place: Pick<Location, 'location'>,
  { name, oid }: FoundLedger,
): Promise<LedgerOverview> {
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper ledgers'),
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    schema: name,
  });
  const ofLedger = configOf(config, name);
  const reader = new StatusReader(handle.db, statusOptions(ofLedger));
  const readiness = await readinessOf(() => readReadiness(handle.db, reader, ofLedger), refusalOf);
  const isReadable = oid !== null && !readiness.reasons.some(({ reason }) => unreadable.has(reason));
  return {
    ledger: name,
    version: await versionOf(handle.db, name),
    inProgress: isReadable ? await inProgressOf(reader) : null,
    ...readiness,
  };
}

const unreadable = new Set<string>(['schema_outdated', 'database_unreachable', 'database_refused']);

async function versionOf(db: DatabaseHandle['db'], ledger: string): Promise<string | null> {
  return await schemaVersion(db, ledger).then(
    ({ current }) => current,
    () => null,
  );
}

async function inProgressOf(reader: StatusReader): Promise<number | null> {
  return await reader.census().then(
    ({ byStatus }) => byStatus.in_progress ?? 0,
    () => null,
  );
}

function refusalOf(err: unknown): { readonly remedy: string } | null {
  return isRefusal(err) ? { remedy: remedyOf(err) } : null;
}
