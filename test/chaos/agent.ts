/**
 * One agent process of the chaos fleet: works on several delegations at a time through the ledger library and keeps a
 * diary. Ends when its standard input does; after the word `finish` it finishes its current work first.
 */
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompiledQuery, QueryResult } from 'kysely';
import { openDatabase } from '../../src/db/database.ts';
import { DelegationLedger, type SetStatusOptions, type SetStatusResult, type Status } from '../../src/index.ts';
import { createLogger } from '../../src/log/logger.ts';
import { type DiaryEntry, writeDiary } from './diary.ts';
import { Random } from './random.ts';

export interface AgentOptions {
  readonly url: string;
  readonly diary: string;
  readonly agent: string;
  readonly seed: number;
  readonly lanes: number;
  readonly stuckAfterMs: number;
}

const options = JSON.parse(process.argv[2]!) as AgentOptions;
const random = new Random(options.seed);
const diary = openSync(options.diary, 'a');
const write = (entry: DiaryEntry) => writeDiary(diary, entry);
let finishing = false;

createInterface({ input: process.stdin })
  .on('line', () => {
    finishing = true;
  })
  // The parent has ended.
  .on('close', () => process.exit(1));

const handle = openDatabase({
  location: { url: options.url },
  max: options.lanes + 1,
  applicationName: 'chaos-agent',
  queryTimeoutMs: options.stuckAfterMs / 2,
  schema: 'public',
});

/** What a heartbeat's statement answers for one row, by the function or among many. */
interface Heard {
  readonly delegationId: string;
  readonly terminal: boolean;
  readonly due: boolean;
  readonly stamped: boolean;
}

/** Records each heartbeat that the database answered, also keepAlive's, whichever statement sent it. */
const ask = handle.db.executeQuery.bind(handle.db) as (query: CompiledQuery) => Promise<QueryResult<unknown>>;
handle.db.executeQuery = (async (query: CompiledQuery) => {
  const askedAt = Date.now();
  const result = await ask(query);
  if (!query.sql.includes('delegation_heartbeat') && !query.sql.includes('AS "stamped"')) return result;
  const rows = (result.rows as (Heard & { answer?: Heard | null })[]).map((row) =>
    row.answer === undefined ? row : row.answer,
  );
  for (const id of [query.parameters[0]].flat() as string[]) {
    const row = rows.find((heard) => heard?.delegationId === id);
    // Due and not stamped: undecided, and sent again.
    if (row?.due && !row.stamped) continue;
    const outcome = !row ? 'missing' : row.terminal ? 'terminal' : row.stamped ? 'stamped' : 'fresh';
    write({ did: 'heartbeat', id, askedAt, answeredAt: Date.now(), outcome });
  }
  return result;
}) as typeof handle.db.executeQuery;
const ledger = new DelegationLedger(handle.db, { logger: createLogger({ level: 'silent' }) });

await Promise.all(Array.from({ length: options.lanes }, (_, lane) => workLane(lane)));
process.exit(0);

async function workLane(lane: number): Promise<void> {
  for (let count = 0; !finishing; count += 1) await work(`${options.agent}-${lane}-${count}`);
}

async function work(id: string): Promise<void> {
  const isDoomed = random.chance(0.08);
  const workMs = isDoomed ? options.stuckAfterMs : random.between(0.2, 1.8) * options.stuckAfterMs;
  await insert(id, isDoomed ? workMs / 2 : null);
  if (random.chance(0.7)) await insist(id, 'dispatched', {});
  if ((await insist(id, 'in_progress', {})).outcome === 'refused') return;
  const obeys = random.chance(0.3);
  await using alive = ledger.keepAlive(id);
  await sleep(workMs, undefined, obeys ? { signal: alive.signal } : {}).catch(() => undefined);
  // An obedient agent stops when it learns that its delegation has ended; the others report their result anyway.
  if (obeys && alive.signal.aborted) return;
  const text = `result of ${id}`;
  if (random.chance(0.85)) await insist(id, 'completed', { resultPreview: text, responseBody: { text } });
  else await insist(id, 'failed', { errorDetail: text, responseBody: { text } });
}

async function insert(id: string, deadlineMs: number | null): Promise<void> {
  for (;;) {
    const askedAt = Date.now();
    const { outcome } = await ledger.insert({
      delegationId: id,
      callerId: 'chaos',
      calleeId: options.agent,
      taskPreview: `task ${id}`,
      deadlineMs,
    });
    write({ did: 'insert', id, askedAt, answeredAt: Date.now(), outcome, deadlineMs });
    if (outcome !== 'failed') return;
    await sleep(200);
  }
}

/** Repeats until there is an answer. A call that timed out may have taken effect: then it is `unchanged`. */
async function insist(id: string, to: Status, change: SetStatusOptions): Promise<SetStatusResult> {
  const text = change.resultPreview ?? change.errorDetail ?? null;
  for (;;) {
    const askedAt = Date.now();
    const result = await ledger.setStatus(id, to, change).catch(() => undefined);
    write({ did: 'setStatus', id, to, text, askedAt, answeredAt: Date.now(), outcome: result?.outcome ?? 'error' });
    if (result) return result;
    await sleep(200);
  }
}
