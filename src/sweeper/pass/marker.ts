import { CommitError, limited } from '../../db/limited.ts';
import type { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import { inSpan } from '../tracing.ts';
import {
  batchKeysStatement,
  type Cursor,
  type Leased,
  type MarkAnswer,
  type MarkedRow,
  markBatchStatement,
  markRowsStatement,
  type PlanAnswer,
  planStatement,
  type Range,
} from './mark.ts';
import type { RulePass } from './rule-sweep.ts';
import type { Rule, RuleName } from './rules.ts';
import type { Unsettled } from './unsettled.ts';

interface Statements {
  readonly plan: Statement<PlanAnswer>;
  readonly batch: Statement<MarkAnswer>;
  readonly keys: Statement<{ delegationId: string }>;
}

/** A batch whose rows are tried apart is given up sooner: one row that takes for ever is met several times. */
const APART_SHARE_OF_LIMIT = 1 / 2;

/**
 * The statements of one rule, each in a transaction that the server itself ends after the pass's limit. A COMMIT without
 * an answer is looked up, so that marks are counted and logged when they are there, and only then.
 */
export class Marker {
  readonly #db: LedgerDb;
  readonly #rule: RuleName;
  readonly #unsettled: Unsettled;
  readonly #rows: Statement<MarkAnswer>;
  readonly #plain: Statements;
  readonly #sparing: Statements;

  constructor(db: LedgerDb, tables: SweeperTables, rule: Rule, unsettled: Unsettled) {
    this.#db = db;
    this.#rule = rule.name;
    this.#unsettled = unsettled;
    this.#rows = markRowsStatement(tables, rule);
    const statements = (someKnown: boolean): Statements => ({
      plan: planStatement(tables, rule, { someKnown }),
      batch: markBatchStatement(tables, rule, { someKnown }),
      keys: batchKeysStatement(tables, rule, { someKnown }),
    });
    this.#plain = statements(false);
    this.#sparing = statements(true);
  }

  /** Where the next batches end. */
  plan(pass: RulePass, after: Cursor, rowsMax: number, found: readonly string[]): Promise<PlanAnswer[]> {
    const { nowUs, staleness, batchRowsMax } = pass;
    const { keyUs, delegationId } = after;
    return this.#read(pass, this.#statements(pass).plan, [
      nowUs,
      staleness,
      rowsMax,
      keyUs,
      delegationId,
      found,
      batchRowsMax,
    ]);
  }

  /** The ids of a batch's rows, in order. */
  async idsOf(pass: RulePass, range: Range, rowsMax: number, found: readonly string[]): Promise<string[]> {
    const { nowUs, staleness } = pass;
    const parameters = [nowUs, staleness, rowsMax, ...boundsOf(range), found];
    const rows = await this.#read(pass, this.#statements(pass).keys, parameters);
    return rows.map(({ delegationId }) => delegationId);
  }

  /** Marks as many rows of a range, oldest first. */
  markBatch(pass: RulePass, range: Range, rowsMax: number, found: readonly string[]): Promise<MarkAnswer[]> {
    const { nowUs, staleness, sweepId, stuckAfterMs } = pass;
    const parameters = [nowUs, staleness, sweepId, stuckAfterMs, rowsMax, found, ...boundsOf(range)];
    return this.#mark(pass, this.#statements(pass).batch, parameters, pass.limitMs);
  }

  /** Marks these rows, whatever is known of them. */
  markRows(pass: RulePass, ids: readonly string[]): Promise<MarkAnswer[]> {
    const { nowUs, staleness, sweepId, stuckAfterMs } = pass;
    const parameters = [nowUs, staleness, sweepId, stuckAfterMs, ids.length, ids];
    return this.#mark(pass, this.#rows, parameters, pass.limitMs * APART_SHARE_OF_LIMIT);
  }

  #statements({ suspects }: RulePass): Statements {
    return suspects.length > 0 ? this.#sparing : this.#plain;
  }

  #read<Row>({ limitMs }: RulePass, statement: Statement<Row>, parameters: readonly unknown[]): Promise<Row[]> {
    return limited(this.#db, limitMs, (session) => statement.run(session, parameters));
  }

  #mark(
    pass: RulePass,
    statement: Statement<MarkAnswer>,
    parameters: readonly unknown[],
    limitMs: number,
  ): Promise<MarkAnswer[]> {
    let answers: MarkAnswer[] = [];
    const marking = async () => {
      try {
        await limited(this.#db, limitMs, async (session) => {
          answers = await statement.run(session, parameters);
        });
      } catch (err) {
        if (!(err instanceof CommitError)) throw err;
        if (!(await this.#wasCommitted(pass, answers))) throw err.cause;
      }
      return answers;
    };
    return inSpan('sweep batch', { rule: this.#rule }, marking, (done) => ({ rows: markedRows(done).length }));
  }

  /** False also when that cannot be found out now: a later sweep looks again. */
  async #wasCommitted({ sweepId, onMarked }: RulePass, answers: readonly MarkAnswer[]): Promise<boolean> {
    const rows = markedRows(answers);
    if (rows.length === 0) return false;
    const batch = { sweepId, delegationId: rows[0]!.delegationId, confirm: () => onMarked(rows) };
    return this.#unsettled.look(batch).catch(() => false);
  }
}

function markedRows(answers: readonly Leased<MarkedRow>[]): MarkedRow[] {
  return answers.filter((answer): answer is Extract<MarkAnswer, MarkedRow> => answer.delegationId !== null);
}

function boundsOf({ after, upTo }: Range): unknown[] {
  return [after.keyUs, after.delegationId, upTo.keyUs, upTo.delegationId];
}
