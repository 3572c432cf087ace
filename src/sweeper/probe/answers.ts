import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { eventTypeOf } from '../../events/event-types.ts';
import { type A2aObservation, observationValues } from '../../ledger/a2a-observation.ts';
import { within } from '../../lifecycle/within.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Rule } from '../pass/rules.ts';
import { logUnpublished, type Refused } from '../publishing/refused.ts';
import { publishAnswerStatement } from '../publishing/statements/publish-answer.ts';
import type { Run } from '../sweep-run.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import type { AskedRule } from './asked-rule.ts';
import type { Suspect } from './choice.ts';
import { ALIVE, takeAnswerStatement } from './statements/take-answer.ts';
import type { ProbeAnswer, ProbeOptions } from './suspect-probe.ts';

/** Limit of taking one answer, on the server. */
const TAKE_LIMIT_MS = 5_000;
/** How much longer than it was given a probe is waited for. */
const OVERTIME_MS = 1_000;

interface Asking {
  readonly run: Run;
  readonly staleness: Staleness;
  readonly asked: AskedRule;
  /** Called with each delegation that an answer changed. */
  readonly onChanged: (delegationId: string) => void;
  readonly startedAtMs: number;
}

/** Asks, and takes the answers, one at a time: a sign of life, a wait or a result is told to the delegation, the rest given up. */
export class Answers {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #options: ProbeOptions;
  readonly #publish: ReturnType<typeof publishAnswerStatement>;
  readonly #take: ReadonlyMap<Rule, ReturnType<typeof takeAnswerStatement>>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, rules: readonly Rule[], options: ProbeOptions) {
    this.#db = db;
    this.#log = log;
    this.#options = options;
    this.#publish = publishAnswerStatement(tables);
    this.#take = new Map(rules.map((rule) => [rule, takeAnswerStatement(tables, rule)]));
  }

  /** Never rejects, and ends in time. What has not been answered then is given up. */
  async ask(
    run: Run,
    suspects: readonly Suspect[],
    staleness: Staleness,
    asked: AskedRule,
    onChanged: Asking['onChanged'],
  ): Promise<void> {
    if (suspects.length === 0) return;
    const { probe, timeoutMs } = this.#options;
    const asking = { run, staleness, asked, onChanged, startedAtMs: performance.now() };
    const open = new Map(suspects.map((suspect) => [suspect.delegationId, suspect]));
    let taking: Promise<void> = Promise.resolve();
    const take = (delegationId: string, answer: ProbeAnswer): Promise<void> => {
      const suspect = open.get(delegationId);
      open.delete(delegationId);
      if (suspect !== undefined) taking = taking.then(() => this.#takeOne(asking, suspect, answer));
      return taking;
    };
    const limits = { timeoutMs, signal: run.signal };
    const done = probe.ask(suspects, limits, ({ delegationId }, answer) => take(delegationId, answer));
    await within(
      timeoutMs + OVERTIME_MS,
      done.catch(() => {}),
    );
    for (const delegationId of [...open.keys()]) take(delegationId, { outcome: 'no_answer', reason: 'timeout' });
    await taking;
  }

  async #takeOne(asking: Asking, suspect: Suspect, answer: ProbeAnswer): Promise<void> {
    const { run, asked, startedAtMs } = asking;
    // The sweep ends: nothing is marked any more.
    if (run.signal.aborted) return;
    const { delegationId, callerId, calleeId, rule } = suspect;
    const tookMs = Math.round(performance.now() - startedAtMs);
    try {
      const { outcome, reason, effect } = await this.#judge(asking, suspect, answer);
      if (effect === 'give_up') asked.giveUp(rule, delegationId, { outcome, reason });
      if (effect === 'changed') asking.onChanged(delegationId);
      const changed = effect === 'changed';
      const about = { sweepId: run.sweepId, delegationId, callerId, calleeId, rule: rule.name };
      this.#log.emit('delegation.probed', { ...about, outcome, reason, changed, tookMs });
    } catch (err) {
      // Neither helped nor marked: the next sweep asks again.
      this.#log.emit('sweep.report_failed', { sweepId: run.sweepId, report: 'probing', err: errorFields(err) });
    }
  }

  /** `none`: another session has spoken for the delegation, or works on it. */
  async #judge(asking: Asking, suspect: Suspect, answer: ProbeAnswer) {
    if ('outcome' in answer) return { ...answer, effect: 'give_up' as const };
    const { seen, fingerprint } = answer;
    const step = stepOf(seen);
    const unchanged = { outcome: 'unchanged' as const, reason: null, effect: 'give_up' as const };
    if (step === ALIVE && fingerprint === suspect.known) return unchanged;
    const isChanged = await this.#record(asking, suspect, seen, fingerprint);
    // It waits for the same as before, and that wait has passed.
    if (isChanged === false) return unchanged;
    return { outcome: step, reason: null, effect: isChanged ? ('changed' as const) : ('none' as const) };
  }

  /** Null: it was not told. @throws the database's error. */
  async #record(
    { run, staleness }: Asking,
    { delegationId, rule }: Suspect,
    seen: A2aObservation,
    fingerprint: string,
  ): Promise<boolean | null> {
    const step = stepOf(seen);
    const detail = { sweepId: run.sweepId, rule: rule.name, outcome: step, fingerprint };
    const values = {
      now: run.judgement.nowUs,
      staleness,
      delegationId,
      step,
      ...observationValues(told(seen, rule)),
      detail,
    };
    let refused: readonly Refused[] = [];
    const rows = await limited(this.#db, TAKE_LIMIT_MS, async (db) => {
      const told = await this.#take.get(rule)!.run(db, values);
      if (step === 'failed' && told[0]?.isChanged) {
        refused = (await this.#publish.run(db, { delegationId }))[0]?.refused ?? [];
      }
      return told;
    });
    logUnpublished(this.#log, run.sweepId, { type: eventTypeOf('delegation.failed'), events: 1, refused });
    return rows[0]?.isChanged ?? null;
  }
}

/** A suspect is in progress: whatever does not end its task, or wait, says that its agent works on. */
function stepOf({ step }: A2aObservation): typeof ALIVE | 'waiting' | 'completed' | 'failed' {
  return step === 'waiting' || step === 'completed' || step === 'failed' ? step : ALIVE;
}

/** A heartbeat is no progress, so for a stalled delegation a task that goes on is told as some. */
function told(seen: A2aObservation, { name }: Rule): A2aObservation {
  if (stepOf(seen) !== ALIVE || name !== 'stalled') return seen;
  const progress = 'progress' in seen ? seen.progress : undefined;
  return { step: ALIVE, progress: progress ?? `a2a: ${seen.step}` };
}
