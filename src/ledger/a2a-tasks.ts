import type { LedgerDb } from '../db/schema.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { type A2aObservation, type A2aStep, observationValues } from './a2a-observation.ts';
import type { A2aBeginResult, A2aObserveOptions, A2aObserveResult, A2aSide, OpenA2aTask } from './a2a-results.ts';
import { type A2aTask, agentUrlOf, type NotifiedA2aTask, storedA2aTask } from './a2a-task.ts';
import { assertDurationMs, assertId, idText, loggedId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import type { Delegation } from './delegation.ts';
import { InvalidArgumentError } from './errors.ts';
import type { InsertArguments } from './insert-arguments.ts';
import { valuesOf } from './insertion.ts';
import { findNotifiedStatement } from './statements/a2a-notified.ts';
import {
  beginA2aStatement,
  claimA2aStatement,
  findA2aStatement,
  observeA2aStatement,
  openA2aStatement,
  resumeA2aStatement,
} from './statements/a2a-tasks.ts';
import type { StatusRequest } from './status-change.ts';
import type { LedgerTables } from './tables.ts';
import { isTerminal, type Status } from './transitions.ts';

const PAGE_ROWS = 500;

/** Delegations that are tasks of the A2A protocol: which one is which, and what the sight of a task says of it. */
export class A2aTasks {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #confirmed: (request: StatusRequest) => void;
  readonly #begin: ReturnType<typeof beginA2aStatement>;
  readonly #observe: ReturnType<typeof observeA2aStatement>;
  readonly #find: ReturnType<typeof findA2aStatement>;
  readonly #findNotified: ReturnType<typeof findNotifiedStatement>;
  readonly #resume: ReturnType<typeof resumeA2aStatement>;
  readonly #open: ReturnType<typeof openA2aStatement>;
  readonly #claim: ReturnType<typeof claimA2aStatement>;

  /** @internal Its types are not for users, whose compilers would look for zod. */
  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog, confirmed: (request: StatusRequest) => void) {
    this.#db = db;
    this.#log = log;
    this.#confirmed = confirmed;
    this.#begin = beginA2aStatement(tables);
    this.#observe = observeA2aStatement(tables);
    this.#find = findA2aStatement(tables);
    this.#findNotified = findNotifiedStatement(tables);
    this.#resume = resumeA2aStatement(tables);
    this.#open = openA2aStatement(tables);
    this.#claim = claimA2aStatement(tables);
  }

  /**
   * Records which task a delegation is; the first one stays. One round trip. Never throws.
   *
   *     await ledger.a2aTasks.record(id, { agentUrl: 'https://coder.example/a2a', taskId: task.id, contextId: task.contextId });
   *     // changed, unchanged, refused (it has ended): recorded | missing: no such delegation | invalid, failed: logged
   */
  record(
    delegationId: string,
    task: A2aTask,
    options: Omit<A2aObserveOptions, 'task'> = {},
  ): Promise<A2aObserveResult> {
    return this.#record(delegationId, 'recorded', undefined, { ...options, task });
  }

  /**
   * What one sight of its task says of a delegation: it moves forward, waits, ends, or its agent is alive; any of them ends a
   * wait of the same actor, or one that it has seen (`knowsWait`). One round trip, in which the task may be recorded as well.
   * Never throws.
   *
   *     await ledger.a2aTasks.observe(id, { step: 'waiting', reason: 'a2a: INPUT_REQUIRED: which branch?' }, { task });
   *
   * SQL: `SELECT ... FROM delegation_a2a_observe($1, ...)`
   */
  observe(
    delegationId: string,
    observation: A2aObservation,
    options: A2aObserveOptions = {},
  ): Promise<A2aObserveResult> {
    return this.#record(delegationId, observation?.step, observation, options);
  }

  /**
   * The delegation of a task, on the side of the agent that does it; made where there is none, or the caller's own, where
   * the idempotency key (the message's id) names it. One round trip, which records the task as well. Never throws.
   *
   *     const { delegationId } = await ledger.a2aTasks.begin({ ...delegation, idempotencyKey: message.messageId }, task);
   *
   * SQL: `SELECT ... FROM delegation_a2a_begin($1, ...)`
   */
  async begin(delegation: InsertArguments, task: A2aTask): Promise<A2aBeginResult> {
    const delegationId = idText(delegation?.delegationId);
    try {
      const { deadline, ...values } = valuesOf(delegation);
      if (deadline !== null) throw new InvalidArgumentError('deadline', 'must be given as deadlineMs');
      const row = { ...values, ...storedA2aTask(task), storeState: 'open' };
      const [result] = await bestEffort(this.#db, (runner) => this.#begin.run(runner, row));
      return result!;
    } catch (err) {
      return { ...this.#failure(delegationId, 'begin', err), delegationId };
    }
  }

  /**
   * The delegation of a task; each side looks up its own. One round trip.
   *
   *     const delegation = await ledger.a2aTasks.find({ agentUrl, taskId }, { callerId: 'planner' });
   *     // undefined: none was recorded
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async find(task: A2aTask, side: A2aSide): Promise<Delegation | undefined> {
    const [row] = await this.#find.run(this.#db, { ...storedA2aTask(task), ...sideOf(side) });
    return row;
  }

  /**
   * The delegation of a task of which a push notification names the id alone: undefined where none is known, or several are
   * and none is the caller's alone. One round trip.
   *
   *     const delegation = await ledger.a2aTasks.findNotified({ taskId, agentUrl });
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async findNotified(task: NotifiedA2aTask): Promise<Delegation | undefined> {
    const { taskId, agentUrl, tenant, callerId } = task;
    assertId('taskId', taskId);
    const [first, second] = await this.#findNotified.run(this.#db, {
      taskId,
      agentUrl: agentUrl == null ? null : agentUrlOf(agentUrl),
      tenant: tenant ?? null,
      callerId: callerId ?? null,
    });
    if (first === undefined) return undefined;
    const { isKept, ...delegation } = first;
    return second === undefined || (!isKept && second.isKept) ? delegation : undefined;
  }

  /**
   * The same, and ends its wait: for a message that goes on with a task. One round trip. Never throws.
   *
   *     const found = await ledger.a2aTasks.resume({ agentUrl, taskId: message.taskId }, { callerId: 'planner' });
   *     // undefined: none was recorded, or it is not known (logged). waitingReason: what it waited for until now
   */
  async resume(
    task: A2aTask,
    side: A2aSide,
  ): Promise<
    { readonly delegationId: string; readonly status: Status; readonly waitingReason: string | null } | undefined
  > {
    try {
      const values = { ...storedA2aTask(task), ...sideOf(side), actor: 'a2a' };
      const [row] = await bestEffort(this.#db, (runner) => this.#resume.run(runner, values));
      if (row?.status == null) return undefined;
      const { delegationId, status, waitingReason } = row;
      return { delegationId, status, waitingReason };
    } catch (err) {
      this.#failure(idText(task?.taskId), 'resume', err);
      return undefined;
    }
  }

  /**
   * The tasks of an agent whose store is not known to hold their end, in the order of their delegations' ids: those of a
   * former life of its process, and those that the ledger has given up. 500 in a round trip.
   *
   *     for await (const task of ledger.a2aTasks.open({ agentUrl })) if (isTerminal(task.status)) await tellItsCaller(task);
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async *open({
    agentUrl,
    calleeId,
  }: {
    agentUrl: string;
    calleeId?: string;
  }): AsyncGenerator<OpenA2aTask, void, void> {
    const values = { agentUrl: agentUrlOf(agentUrl), calleeId: calleeId ?? null, limit: PAGE_ROWS };
    if (calleeId !== undefined) assertId('calleeId', calleeId);
    let after: string | null = null;
    for (;;) {
      const page: OpenA2aTask[] = await this.#open.run(this.#db, { ...values, after });
      yield* page;
      if (page.length < PAGE_ROWS) return;
      after = page.at(-1)!.delegationId;
    }
  }

  /**
   * For a time in milliseconds this process alone deals with an open task: whether it does. It ends when the store is said
   * to hold the end.
   *
   *     if (await ledger.a2aTasks.claim(task.delegationId, 60_000)) await tellItsCaller(task);
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async claim(delegationId: string, forMs: number): Promise<boolean> {
    assertId('delegationId', delegationId);
    assertDurationMs('forMs', forMs);
    const claimed = await this.#claim.run(this.#db, { ids: [delegationId], forMs: Math.ceil(forMs) });
    return claimed.length === 1;
  }

  /** Logs that what a task says could not be recorded, or its end not be told: `ledger.a2a_failed`. */
  logFailure(delegationId: string, step: string, err: unknown): void {
    this.#failure(delegationId, step, err);
  }

  async #record(
    delegationId: string,
    step: A2aStep | 'recorded',
    observation: A2aObservation | undefined,
    { task, storeState, actor = 'a2a', knowsWait = false }: A2aObserveOptions,
  ): Promise<A2aObserveResult> {
    try {
      assertId('delegationId', delegationId);
      assertId('actor', actor);
      const said = observationValues(observation);
      const values = {
        delegationId,
        step,
        ...said,
        minIntervalMs: 0,
        actor,
        ...(task === undefined && step !== 'recorded' ? noTask : storedA2aTask(task)),
        storeState: storeState ?? null,
        knowsWait,
      };
      const [row] = await bestEffort(this.#db, (runner) => this.#observe.run(runner, values));
      const { outcome, status, lateResult, stuckAfterMs } = row!;
      const isEnd = step === 'completed' || step === 'failed';
      if (outcome === 'missing' || status === null) {
        if (isEnd) this.#log.emit('ledger.orphan_update', { delegationId, attempted: step });
        else this.#log.emit('ledger.row_missing', { delegationId });
        return { outcome: 'missing', status: null };
      }
      if (lateResult) this.#log.emit('ledger.late_result', { delegationId, from: status, attempted: step });
      this.#keep({ delegationId, step, outcome, status, said, actor });
      return { outcome, status, stuckAfterMs };
    } catch (err) {
      return { ...this.#failure(idText(delegationId), step, err), status: null };
    }
  }

  /** What the database has confirmed is told again when it turns out to have gone back in time. */
  #keep(told: {
    delegationId: string;
    step: string;
    outcome: string;
    status: Status;
    said: ReturnType<typeof observationValues>;
    actor: string;
  }): void {
    const { delegationId, outcome, status, said, actor, step } = told;
    if (this.#db.isTransaction || outcome === 'refused') return;
    if (outcome === 'unchanged' && !isTerminal(status)) return;
    if (step !== status && !(step === 'waiting' && status === 'in_progress')) return;
    const { errorDetail, resultPreview, responseBody } = said;
    this.#confirmed({ delegationId, to: status, errorDetail, resultPreview, responseBody, actor });
  }

  #failure(delegationId: string, step: string, err: unknown): { outcome: 'invalid' | 'failed'; error: Error } {
    const error = err as Error;
    this.#log.emit('ledger.a2a_failed', {
      delegationId: loggedId(delegationId),
      step: step || '(none)',
      err: errorFields(error),
    });
    return { outcome: error instanceof InvalidArgumentError ? 'invalid' : 'failed', error };
  }
}

const noTask = { agentUrl: null, tenant: null, taskId: null, contextId: null, userName: null } as const;

function sideOf(side: A2aSide): { callerId: string | null; calleeId: string | null } {
  const { callerId = null, calleeId = null } = side as { callerId?: string; calleeId?: string };
  if (callerId !== null) assertId('callerId', callerId);
  if (calleeId !== null || callerId === null) assertId('calleeId', calleeId);
  return { callerId, calleeId };
}
