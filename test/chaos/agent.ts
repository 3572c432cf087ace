/**
 * One agent process of the chaos fleet: works on several delegations at a time through the ledger library and keeps a
 * diary. Ends when its standard input does; after the word `finish` it finishes its current work first.
 */
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SetStatusOptions, SetStatusResult, Status } from '../../src/index.ts';
import { type DiaryEntry, writeDiary } from './diary.ts';
import { writeHeartbeats } from './heartbeat-diary.ts';
import { openMemberDatabase } from './member-database.ts';
import { Random } from './random.ts';

export interface AgentOptions {
  readonly url: string;
  readonly diary: string;
  readonly agent: string;
  readonly seed: number;
  readonly lanes: number;
  readonly stuckAfterMs: number;
  /** Of the library: its own pool, as `openLedger` has it. */
  readonly hasDefaults: boolean;
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

const { db, ledger } = openMemberDatabase(options.hasDefaults ? options.url : { ...options, max: options.lanes + 1 });
writeHeartbeats(db, write);

await Promise.all(Array.from({ length: options.lanes }, (_, lane) => workLane(lane)));
process.exit(0);

async function workLane(lane: number): Promise<void> {
  for (let count = 0; !finishing; count += 1) await work(`${options.agent}-${lane}-${count}`);
}

async function work(id: string): Promise<void> {
  const isDoomed = random.chance(0.08);
  const workMs = isDoomed ? options.stuckAfterMs : random.between(0.2, 1.8) * options.stuckAfterMs;
  // Some longer than the daemons' threshold, some shorter.
  const stuckAfterMs = random.chance(0.3) ? Math.round(random.between(0.6, 2.5) * options.stuckAfterMs) : null;
  await insert(id, isDoomed ? workMs / 2 : null, stuckAfterMs);
  if (random.chance(0.7)) await insist(id, 'dispatched', {});
  if ((await insist(id, 'in_progress', {})).outcome === 'refused') return;
  if (!isDoomed && random.chance(0.2) && !(await waitInSilence(id))) return;
  const otherMs = random.chance(0.25) ? Math.round(random.between(0.6, 2.5) * options.stuckAfterMs) : undefined;
  const obeys = random.chance(0.3);
  await using alive = ledger.keepAlive(id);
  const working = sleep(workMs, undefined, obeys ? { signal: alive.signal } : {}).catch(() => undefined);
  if (otherMs !== undefined) await adjust(id, otherMs);
  await working;
  // Some stop when they learn that their delegation has ended; the others still report what they did.
  if (obeys && alive.signal.aborted) return;
  const text = `result of ${id}`;
  if (random.chance(0.85)) await insist(id, 'completed', { resultPreview: text, responseBody: { text } });
  else await insist(id, 'failed', { errorDetail: text, responseBody: { text } });
}

/**
 * Waits for a person, without a heartbeat, for longer than any threshold here. Most say that they go on; the others are
 * heard again when they heartbeat. False: the delegation has ended.
 */
async function waitInSilence(id: string): Promise<boolean> {
  const waitMs = random.between(2.6, 3.5) * options.stuckAfterMs;
  const untilMs = Math.round(waitMs + 2 * options.stuckAfterMs);
  const waiting = await untilAnswered(async () => {
    const askedAt = Date.now();
    const result = await ledger.wait(id, { untilMs, reason: 'a person' }).catch(() => undefined);
    write({ did: 'wait', id, untilMs, askedAt, answeredAt: Date.now(), outcome: result?.outcome ?? 'error' });
    return result;
  });
  if (waiting.outcome === 'refused') return false;
  await sleep(waitMs);
  if (random.chance(0.25)) return true;
  const resumed = await untilAnswered(async () => {
    const askedAt = Date.now();
    const result = await ledger.resume(id).catch(() => undefined);
    write({ did: 'resume', id, askedAt, answeredAt: Date.now(), outcome: result?.outcome ?? 'error' });
    return result;
  });
  return resumed.outcome !== 'refused';
}

/** To a threshold of its own, lower or higher than before. */
async function adjust(id: string, stuckAfterMs: number): Promise<void> {
  const askedAt = Date.now();
  const result = await ledger.adjust(id, { stuckAfterMs }).catch(() => undefined);
  write({ did: 'adjust', id, stuckAfterMs, askedAt, answeredAt: Date.now(), outcome: result?.outcome ?? 'error' });
}

async function untilAnswered<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (;;) {
    const result = await attempt();
    if (result !== undefined) return result;
    await sleep(200);
  }
}

async function insert(id: string, deadlineMs: number | null, stuckAfterMs: number | null): Promise<void> {
  for (;;) {
    const askedAt = Date.now();
    const { outcome } = await ledger.insert({
      delegationId: id,
      callerId: 'chaos',
      calleeId: options.agent,
      taskPreview: `task ${id}`,
      deadlineMs,
      stuckAfterMs,
    });
    write({ did: 'insert', id, askedAt, answeredAt: Date.now(), outcome, deadlineMs, stuckAfterMs });
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
