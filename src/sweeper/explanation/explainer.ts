import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { attemptsStatement } from '../../ledger/statements/attempts.ts';
import { holdInForce, type OperatorHold } from '../hold/operator-hold.ts';
import { latestHoldsStatement } from '../hold/statements/latest-holds.ts';
import { isoOf } from '../instant.ts';
import { type Refusal, readRefusal } from '../observed-time/refusal.ts';
import { readingStatement } from '../observed-time/statements/reading.ts';
import { rules } from '../pass/rules.ts';
import { retriableStatement } from '../pass/statements/retriable.ts';
import { retries } from '../pass/statements/retried.ts';
import { stateRow } from '../state-row.ts';
import { lookStatement } from '../statements/look.ts';
import type { Cron } from '../status/cron.ts';
import { isPunctual, punctualityOf } from '../status/punctuality.ts';
import { daemonStateStatement } from '../status/statements/daemon-state.ts';
import { lastSweepStatement } from '../status/statements/last-sweep.ts';
import { stormOf } from '../status/storm-of.ts';
import type { SweeperOptions } from '../sweeper-options.ts';
import { type SweeperTables, sweeperTables } from '../tables.ts';
import { type Judgement, judge } from '../threshold/staleness.ts';
import { attemptsOf, retriedAs } from './attempts-of.ts';
import { delegationOf } from './delegation-of.ts';
import type { Ending } from './ending.ts';
import { type EndingParts, endingOf, LATE_RESULTS_MAX } from './ending-of.ts';
import type { ExplainedTask } from './explained-task.ts';
import type { Explanation } from './explanation.ts';
import { lookAlikes, nearest } from './near.ts';
import { nextOf } from './next.ts';
import type { ExplainedHold, NextSweep } from './next-sweep.ts';
import { nextSweepOf, type Prospects } from './next-sweep-of.ts';
import { daemonsStatement } from './statements/daemons.ts';
import { type JudgedRow, judgedRowStatement } from './statements/judged-row.ts';
import { endStatement, lastOfStatement } from './statements/last-activity.ts';
import { lateResultsStatement } from './statements/late-results.ts';
import { lockingSessionStatement } from './statements/locking-session.ts';
import { nearIdsStatement } from './statements/near-ids.ts';
import { mayReadRemovedStatement, removedStatement } from './statements/removed.ts';
import { retriedAsStatement } from './statements/retried-as.ts';
import { taskStatement } from './statements/task.ts';
import { taskOf } from './task-of.ts';
import { TimelineReader } from './timeline-reader.ts';
import { Turns } from './turn.ts';
import type { UnknownDelegation } from './unknown-delegation.ts';
import type { Verdict } from './verdict.ts';
import { verdictOf } from './verdict-of.ts';
import { type Unworded, whyOf } from './why.ts';

export interface ExplainerOptions {
  /** The sweeps' own; `stuckAfterMs` counts only as long as no daemon has stored a threshold. */
  readonly sweeper: SweeperOptions;
  /** SWEEP_CRON in SWEEP_TZ. */
  readonly cron: Cron;
  /** SWEEP_ON_TIME. */
  readonly onTime: boolean;
}

export interface ExplainRequest {
  /** With the texts that agents wrote. Default false. */
  readonly previews?: boolean;
}

/** The server ends a reading's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;

/**
 * Explains a delegation: why it is as it is, how a sweep judges it now, and what the next one does with it. It judges by the
 * sweep's own rules, horizon and storm guard, and only reads: each explanation is one snapshot, bounded in rows and in time.
 * All methods throw the database's error.
 */
export class Explainer {
  readonly #db: LedgerDb;
  readonly #options: ExplainerOptions;
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #timelines: TimelineReader;
  readonly #turns: Turns;

  constructor(db: LedgerDb, options: ExplainerOptions) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#options = options;
    this.#statements = statementsOf(tables, options.sweeper);
    this.#timelines = new TimelineReader(tables);
    this.#turns = new Turns(tables, options.sweeper);
  }

  /** Null for an id that the ledger does not hold: see `unknown`. */
  async explain(delegationId: string, { previews = false }: ExplainRequest = {}): Promise<Explanation | null> {
    if (!isPossible(delegationId)) return null;
    // Before the transaction, which takes no writes itself.
    const refusal = await readRefusal(this.#db);
    const unworded = await this.#inOneSnapshot((db) => this.#read(db, { delegationId, previews }, refusal));
    return unworded && { ...unworded, why: whyOf(unworded), next: nextOf(unworded) };
  }

  /** For an id that the ledger does not hold: what is left of it, and what may have been meant. */
  async unknown(delegationId: string, { previews = false }: ExplainRequest = {}): Promise<UnknownDelegation> {
    const near = await this.near(delegationId);
    return this.#inOneSnapshot(async (db) => {
      const { nowUs } = stateRow((await this.#statements.opening.run(db, {}))[0]);
      const known = isPossible(delegationId) ? delegationId : '';
      const timeline = await this.#timelines.read(db, known, previews);
      const activity = timeline.first.length === 0 ? null : timeline;
      const removed = await this.#removed(db);
      const removedBefore = removed?.delegationsBefore?.toISOString() ?? null;
      const [{ retriedAs } = { retriedAs: null }] = await this.#statements.retriedAs.run(db, { delegationId: known });
      return { now: isoOf(nowUs), delegationId, activity, removedBefore, retriedAs, near };
    });
  }

  /** Ids that are much like this one, the likeliest first: at most five. */
  async near(delegationId: string): Promise<string[]> {
    const id = delegationId.replaceAll('\0', '');
    const found = await this.#inOneSnapshot((db) =>
      this.#statements.nearIds.run(db, { delegationId: id, ...lookAlikes(id) }),
    );
    const others = found.map((each) => each.delegationId).filter((each) => each !== delegationId);
    return nearest(id, others);
  }

  #inOneSnapshot<Result>(read: (db: LedgerDb) => Promise<Result>): Promise<Result> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, read, { snapshot: true });
  }

  async #read(db: LedgerDb, about: About, refusal: Refusal | null): Promise<Unworded | null> {
    const { delegationId, previews } = about;
    const reading = stateRow((await this.#statements.reading.run(db, { daemonId: null }))[0]);
    const { inForceMs, gaps } = reading;
    const judgement = judge(reading, { stuckAfterMs: inForceMs ?? this.#options.sweeper.stuckAfterMs });
    const { nowUs, staleness } = judgement;
    const [row] = await this.#statements.row.run(db, { now: nowUs, staleness, delegationId });
    if (row === undefined) return null;
    const timeline = await this.#timelines.read(db, delegationId, previews);
    const attempts = attemptsOf(await this.#statements.attempts.run(db, { delegationId }), delegationId);
    const { status, finishedAt } = row;
    const activityIsGone =
      finishedAt !== null && timeline.first.length === 0 && (await this.#isRemoved(db, finishedAt));
    const found = { now: isoOf(nowUs), delegation: delegationOf(row, previews), timeline, activityIsGone, attempts };
    if (finishedAt !== null) {
      const ended = { status, finishedAt, gaps, retriedAs: retriedAs(attempts, delegationId) };
      const ending = await this.#ending(db, about, ended);
      return { ...found, verdict: null, nextSweep: null, ending, a2aTask: await this.#task(db, about, null) };
    }
    const [lockedBy = null] = await this.#statements.lockingSession.run(db, { delegationId });
    const verdict = verdictOf(row, { judgement, isUntold: inForceMs === null, timeline, lockedBy });
    const a2aTask = await this.#task(db, about, verdict);
    const nextSweep = await this.#nextSweep(db, row, judgement, { verdict, task: a2aTask, refusal: ofSweeps(refusal) });
    return { ...found, verdict, nextSweep, ending: null, a2aTask };
  }

  /** Of a delegation without activity: a retention removed it. */
  async #isRemoved(db: LedgerDb, finishedAt: Date): Promise<boolean> {
    const activityBefore = (await this.#removed(db))?.activityBefore ?? null;
    return activityBefore !== null && finishedAt < activityBefore;
  }

  /** Null where the role may not read it. It is asked first, since an error would end the snapshot. */
  async #removed(db: LedgerDb) {
    const [answer] = await this.#statements.mayReadRemoved.run(db, {});
    return answer!.mayRead ? stateRow((await this.#statements.removed.run(db, {}))[0]) : null;
  }

  async #ending(db: LedgerDb, about: About, ended: Omit<EndingParts, 'end' | 'lateResults'>): Promise<Ending> {
    const [end = null] = await this.#statements.end.run(db, about);
    const lateResults = await this.#statements.lateResults.run(db, { ...about, entriesMax: LATE_RESULTS_MAX + 1 });
    return endingOf({ ...ended, end, lateResults });
  }

  /** Null: it is no A2A task. */
  async #task(db: LedgerDb, about: About, verdict: Verdict | null): Promise<ExplainedTask | null> {
    const [task] = await this.#statements.task.run(db, about);
    if (task === undefined) return null;
    const [probed = null] = await this.#statements.probed.run(db, about);
    return taskOf(task, { probed, probe: this.#options.sweeper.probe ?? null, verdict });
  }

  async #nextSweep(
    db: LedgerDb,
    row: JudgedRow,
    judgement: Judgement,
    parts: Pick<Prospects, 'verdict' | 'task' | 'refusal'>,
  ): Promise<NextSweep> {
    const { cron, onTime, sweeper } = this.#options;
    const opening = stateRow((await this.#statements.opening.run(db, {}))[0]);
    const state = stateRow((await this.#statements.daemonState.run(db, {}))[0]);
    const [lastSweep] = await this.#statements.lastSweep.run(db, {});
    const [{ present } = { present: 0 }] = await this.#statements.daemons.run(db, {});
    const { sweptAt } = state;
    const retriable = await this.#statements.retriable?.run(db, { ids: [row.delegationId] });
    const hold = holdOf(holdInForce(await this.#statements.holds.run(db, { rowsMax: 1 }), state.now));
    // The last statements of the transaction, which is aborted where they take too long.
    const turn = await this.#turns.read(db, row, judgement, opening);
    return nextSweepOf({
      ...parts,
      ...turn,
      delegationId: row.delegationId,
      isRetried: (retriable ?? []).length > 0,
      nowUs: judgement.nowUs,
      cron,
      onTime,
      daemons: present,
      sweptAt,
      isSweeping: isPunctual(punctualityOf(cron, state.now, sweptAt)),
      judgedAt: lastSweep?.startedAt ?? null,
      storm: stormOf(state, sweeper.storm.maxHoldMs),
      hold,
    });
  }
}

interface About {
  readonly delegationId: string;
  readonly previews: boolean;
}

function holdOf(hold: OperatorHold | null): ExplainedHold | null {
  if (hold === null) return null;
  const { madeBy: by, reason, since, until } = hold;
  return { by, reason, since: since.toISOString(), until: until.toISOString() };
}

/** A standby, and a role that only reads, can answer as well: they do not mark. */
function ofSweeps(refusal: Refusal | null): Refusal | null {
  return refusal?.reason === 'standby' || refusal?.reason === 'read_only' ? null : refusal;
}

/** No row can have another id, and PostgreSQL takes no text with a NUL. */
function isPossible(delegationId: string): boolean {
  return !delegationId.includes('\0');
}

function statementsOf(tables: SweeperTables, { retriesMax = 0 }: SweeperOptions) {
  const isRetrying = rules.some((rule) => retries(rule, retriesMax));
  return {
    reading: readingStatement(tables),
    row: judgedRowStatement(tables),
    lockingSession: lockingSessionStatement(tables),
    task: taskStatement(tables),
    probed: lastOfStatement(tables, 'delegation.probed'),
    end: endStatement(tables),
    lateResults: lateResultsStatement(tables),
    attempts: attemptsStatement(tables),
    /** Null: nothing is tried again. */
    retriable: isRetrying ? retriableStatement(tables, retriesMax) : null,
    opening: lookStatement(tables),
    daemonState: daemonStateStatement(tables),
    lastSweep: lastSweepStatement(tables),
    daemons: daemonsStatement(tables),
    holds: latestHoldsStatement(tables),
    nearIds: nearIdsStatement(tables),
    removed: removedStatement(tables),
    mayReadRemoved: mayReadRemovedStatement(tables),
    retriedAs: retriedAsStatement(tables),
  };
}
