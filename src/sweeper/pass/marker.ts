import { CommitError, limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { Statement } from '../../db/statement.ts';
import { type EventType, eventTypeOf } from '../../events/event-types.ts';
import type { SweeperTables } from '../tables.ts';
import { inSpan } from '../tracing.ts';
import type { Place, Range } from './place.ts';
import type { RulePass } from './rule-pass.ts';
import type { Rule, RuleName } from './rules.ts';
import { batchKeysStatement } from './statements/batch-keys.ts';
import { markBatchStatement } from './statements/mark-batch.ts';
import { markAskedStatement, markRowsStatement } from './statements/mark-rows.ts';
import { isMarked, type MarkAnswer } from './statements/marking.ts';
import { rangeValues } from './statements/places.ts';
import { type PlanAnswer, planStatement } from './statements/plan.ts';
import type { Sparing } from './statements/poisoned.ts';
import type { Unsettled } from './unsettled.ts';

type Statements = ReturnType<typeof statementsOf>;

function statementsOf(tables: SweeperTables, rule: Rule, sparing: Sparing, retriesMax: number) {
  return {
    plan: planStatement(tables, rule, sparing),
    batch: markBatchStatement(tables, rule, sparing, retriesMax),
    keys: batchKeysStatement(tables, rule, sparing),
  };
}

export interface MarkerOptions {
  /** A2A tasks are marked only once their agents were asked, by `probes` of the pass. */
  readonly sparesTasks?: boolean;
  /** Attempts in all: what is marked stuck with fewer is tried again. Default 0: nothing is. */
  readonly retriesMax?: number;
}

/** A shorter limit for rows that are tried apart, since one row that never ends is tried several times. */
const APART_SHARE_OF_LIMIT = 1 / 2;

/**
 * The statements of one rule, each in a transaction that the server itself ends after the pass's limit. A COMMIT without
 * an answer is looked up, so that marks are counted and logged exactly when they were committed.
 */
export class Marker {
  readonly #db: LedgerDb;
  readonly #rule: RuleName;
  readonly #event: EventType;
  readonly #unsettled: Unsettled;
  readonly #rows: ReturnType<typeof markRowsStatement>;
  readonly #asked: ReturnType<typeof markAskedStatement>;
  readonly #plain: Statements;
  readonly #sparing: Statements;

  constructor(db: LedgerDb, tables: SweeperTables, rule: Rule, unsettled: Unsettled, options: MarkerOptions = {}) {
    const { sparesTasks: tasks = false, retriesMax = 0 } = options;
    this.#db = db;
    this.#rule = rule.name;
    this.#event = eventTypeOf(`delegation.${rule.to}`);
    this.#unsettled = unsettled;
    this.#rows = markRowsStatement(tables, rule, { tasks }, retriesMax);
    this.#asked = markAskedStatement(tables, rule, retriesMax);
    this.#plain = statementsOf(tables, rule, { someKnown: false, tasks }, retriesMax);
    this.#sparing = statementsOf(tables, rule, { someKnown: true, tasks }, retriesMax);
  }

  /** Where the next batches end. */
  plan(pass: RulePass, after: Place, rowsMax: number, foundIds: readonly string[]): Promise<PlanAnswer[]> {
    return this.#read(pass, this.#statements(pass).plan, {
      ...judgedBy(pass),
      force: pass.force,
      afterUs: after.keyUs,
      afterId: after.delegationId,
      foundIds,
      rowsMax,
      batchRowsMax: pass.batchRowsMax,
    });
  }

  /** The ids of a batch's rows, in order. */
  async idsOf(pass: RulePass, range: Range, rowsMax: number, foundIds: readonly string[]): Promise<string[]> {
    const values = { ...judgedBy(pass), ...rangeValues(range), foundIds, rowsMax };
    const rows = await this.#read(pass, this.#statements(pass).keys, values);
    return rows.map(({ delegationId }) => delegationId);
  }

  /** Marks as many rows of a range, oldest first. */
  markBatch(pass: RulePass, range: Range, rowsMax: number, foundIds: readonly string[]): Promise<MarkAnswer[]> {
    if (range.ids !== null) {
      const ids = range.ids.filter((id) => !foundIds.includes(id));
      return this.#mark(pass, this.#rows, { ...markedBy(pass), ids, rowsMax }, pass.limitMs);
    }
    const values = { ...markedBy(pass), ...rangeValues(range), foundIds, rowsMax };
    return this.#mark(pass, this.#statements(pass).batch, values, pass.limitMs);
  }

  /** Marks these rows, also known poisoned ones. */
  markRows(pass: RulePass, ids: readonly string[]): Promise<MarkAnswer[]> {
    const values = { ...markedBy(pass), ids, rowsMax: ids.length };
    const limitMs = pass.limitMs * APART_SHARE_OF_LIMIT;
    return pass.probes === undefined
      ? this.#mark(pass, this.#rows, values, limitMs)
      : this.#mark(pass, this.#asked, { ...values, probes: Object.fromEntries(pass.probes) }, limitMs);
  }

  #statements({ someKnown }: RulePass): Statements {
    return someKnown ? this.#sparing : this.#plain;
  }

  #read<Values, Row>({ limitMs }: RulePass, statement: Statement<Values, Row>, values: Values): Promise<Row[]> {
    return limited(this.#db, limitMs, (session) => statement.run(session, values));
  }

  #mark<Values>(
    pass: RulePass,
    statement: Statement<Values, MarkAnswer>,
    values: Values,
    limitMs: number,
  ): Promise<MarkAnswer[]> {
    let answers: MarkAnswer[] = [];
    const marking = async () => {
      try {
        await limited(this.#db, limitMs, async (session) => {
          answers = await statement.run(session, values);
        });
      } catch (err) {
        if (!(err instanceof CommitError)) throw err;
        if (!(await this.#wasCommitted(pass, answers))) throw err.cause;
      }
      const refused = answers[0]?.refused ?? null;
      if (refused !== null) pass.onUnpublished({ type: this.#event, events: answers.length, refused });
      return answers;
    };
    const describe = (done: readonly MarkAnswer[]) => ({ rows: done.filter(isMarked).length });
    return inSpan('sweep batch', { rule: this.#rule }, marking, describe, (done) => done.filter(isMarked));
  }

  /** False also when that cannot be found out now: a later sweep looks again. */
  async #wasCommitted({ sweepId, onMarked }: RulePass, answers: readonly MarkAnswer[]): Promise<boolean> {
    const rows = answers.filter(isMarked);
    if (rows.length === 0) return false;
    const batch = { sweepId, delegationId: rows[0]!.delegationId, confirm: () => onMarked(rows) };
    return this.#unsettled.look(batch).catch(() => false);
  }
}

/** What the rules judge by. */
function judgedBy({ nowUs, staleness }: RulePass) {
  return { now: nowUs, staleness };
}

function markedBy(pass: RulePass) {
  return { ...judgedBy(pass), sweepId: pass.sweepId, force: pass.force };
}
