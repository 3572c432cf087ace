import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { observedUsSince } from '../horizon.ts';
import { MICROS_PER_MS } from '../instant.ts';
import { readingStatement } from '../observed-time/statements/reading.ts';
import { stateRow } from '../state-row.ts';
import { sweeperTables } from '../tables.ts';
import { adviceOf, type CalleeAdvice, type CalleeEvidence } from './advice.ts';
import { histogramOf } from './buckets.ts';
import { OTHER_CALLEES } from './callee-counts.ts';
import { CONFIDENCE, FALSE_SHARE_MAX, SAMPLE_MIN } from './confidence.ts';
import { samplingIntervalMs } from './sampler.ts';
import { evidenceStatement } from './statements/evidence.ts';
import { falseMarksStatement } from './statements/false-marks.ts';
import { WINDOW_DAYS } from './statements/window.ts';

/** Callees in one answer: those with most evidence. */
export const CALLEES_SHOWN_MAX = 100;
/** The server ends a reading's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;

export interface AdviceRequest {
  /** Only this callee. */
  readonly calleeId?: string | undefined;
  readonly calleesMax?: number;
}

/** What the evidence of the last 30 days says about thresholds, callee by callee. */
export interface Advice {
  readonly at: Date;
  readonly days: number;
  /** The threshold in force: that of delegations without one of their own. */
  readonly stuckAfterMs: number;
  /** A gap may seem longer than it was by this at most, where an agent's stamps lie closer together. */
  readonly resolutionMs: number;
  /** With fewer delegations followed, nothing is said. */
  readonly delegationsMin: number;
  readonly falseShareMax: number;
  readonly confidence: number;
  /** Callees that there is evidence about; in `callees` are those with most. */
  readonly calleesKnown: number;
  /** Those with most evidence first; those that are not counted apart, together, last. */
  readonly callees: readonly CalleeAdvice[];
}

/** Reads the advice from the database alone, so that any process can. Bounded in rows and in time. */
export class Advisor {
  readonly #db: LedgerDb;
  readonly #stuckAfterMs: number;
  readonly #reading: ReturnType<typeof readingStatement>;
  readonly #evidence: ReturnType<typeof evidenceStatement>;
  readonly #falseMarks: ReturnType<typeof falseMarksStatement>;

  /** `stuckAfterMs`: the threshold, as long as no daemon has published one. */
  constructor(db: LedgerDb, { stuckAfterMs }: { readonly stuckAfterMs: number }) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#stuckAfterMs = stuckAfterMs;
    this.#reading = readingStatement(tables);
    this.#evidence = evidenceStatement(tables);
    this.#falseMarks = falseMarksStatement(tables);
  }

  /** @throws the database's error. */
  advice({ calleeId, calleesMax = CALLEES_SHOWN_MAX }: AdviceRequest = {}): Promise<Advice> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => {
      const { nowUs, gaps, inForceMs } = stateRow((await this.#reading.run(db, { daemonId: null }))[0]);
      const of = { calleeId: calleeId ?? null };
      const rows = await this.#evidence.run(db, { ...of, calleesMax });
      const silences = Map.groupBy(await this.#falseMarks.run(db, of), (mark) => mark.calleeId);
      const stuckAfterMs = inForceMs ?? this.#stuckAfterMs;
      const silencesMs = (id: string) =>
        (silences.get(id) ?? []).map(({ heardUs, lateUs }) => observedUsSince(heardUs, lateUs, gaps) / MICROS_PER_MS);
      const callees = rows.map((row) => adviceOf(evidenceOf(row, silencesMs(row.calleeId)), stuckAfterMs));
      return {
        at: new Date(nowUs / MICROS_PER_MS),
        days: WINDOW_DAYS,
        stuckAfterMs,
        resolutionMs: samplingIntervalMs(stuckAfterMs),
        delegationsMin: SAMPLE_MIN,
        falseShareMax: FALSE_SHARE_MAX,
        confidence: CONFIDENCE,
        calleesKnown: rows[0]?.callees ?? 0,
        callees,
      };
    });
  }
}

type EvidenceRow = Awaited<ReturnType<ReturnType<typeof evidenceStatement>['run']>>[number];

function evidenceOf(row: EvidenceRow, falselyMarkedMs: readonly number[]): CalleeEvidence {
  const { calleeId, started, own, ownMinMs, ownMaxMs, gaps, longest, detected } = row;
  return {
    calleeId: calleeId === OTHER_CALLEES ? null : calleeId,
    started,
    gaps: histogramOf(gaps),
    longest: histogramOf(longest),
    detected: histogramOf(detected),
    own: ownMinMs === null || ownMaxMs === null ? null : { count: own, minMs: ownMinMs, maxMs: ownMaxMs },
    falselyMarkedMs,
  };
}
