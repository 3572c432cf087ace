import type { AuditedRow, Finding, Kind } from './audit.ts';
import type { Injection } from './chaos.ts';

/** One fault's line: the delegations that were alive during it, and what is wrong with them. */
export interface FaultRow {
  readonly fault: string;
  readonly injected: number;
  readonly survived: number;
  readonly delegations: number;
  readonly lost: number;
  readonly falselyMarked: number;
  readonly twice: number;
  /** Not found, not as their activity says, or not tried again as it should be. */
  readonly wrong: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly stuckAfterMs: number;
  readonly faults: readonly FaultRow[];
  readonly total: FaultRow;
  readonly statuses: Readonly<Record<string, number>>;
  /** Completed sweeps, how many of them held for a storm, and the gaps that the daemons recorded. */
  readonly sweeps: { readonly count: number; readonly held: number; readonly gaps: number };
  readonly heartbeatsAccepted: number;
  readonly lateResults: number;
  /** That A2A agents gave to their caller. */
  readonly a2aResults: number;
  readonly findings: readonly Finding[];
  readonly problems: readonly string[];
}

/** With no injections: the whole run. */
export function reportRow(
  fault: string,
  injections: readonly Injection[],
  rows: readonly AuditedRow[],
  findings: readonly Finding[],
): FaultRow {
  const isTouched = ({ createdAt, finishedAt }: AuditedRow) =>
    injections.some(({ startAt, endAt }) => createdAt <= endAt && (finishedAt ?? Number.POSITIVE_INFINITY) >= startAt);
  const touched = fault === 'all' ? rows : rows.filter(isTouched);
  const ids = new Set(touched.map(({ id }) => id));
  // A delegation without a row counts for every fault: its insert was lost.
  const known = new Set(rows.map(({ id }) => id));
  const own = findings.filter(
    ({ id }) => ids.has(id) || (!known.has(id) && (fault === 'all' || injections.length > 0)),
  );
  const count = (...kinds: Kind[]) => new Set(own.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id)).size;
  return {
    fault,
    injected: injections.length,
    survived: injections.filter(({ problem }) => problem === null).length,
    delegations: touched.length,
    lost: count('lost'),
    falselyMarked: count('falselyMarked'),
    twice: count('twice'),
    wrong: count('open', 'replay', 'retry'),
  };
}

const columns: readonly (readonly [string, keyof FaultRow])[] = [
  ['fault', 'fault'],
  ['injected', 'injected'],
  ['survived', 'survived'],
  ['delegations alive', 'delegations'],
  ['lost', 'lost'],
  ['marked falsely', 'falselyMarked'],
  ['twice', 'twice'],
  ['not found or inconsistent', 'wrong'],
];

/** The table, in Markdown. */
export function reportTable({ faults, total }: ChaosReport): string {
  const line = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(([title]) => title)),
    `|${columns.map((_, index) => (index === 0 ? '---|' : '--:|')).join('')}`,
    ...[...faults.filter(({ injected }) => injected > 0), total].map((row) => line(columns.map(([, key]) => row[key]))),
  ].join('\n');
}

export function reportSummary(report: ChaosReport): string {
  const { seed, startedAt, durationMs, stuckAfterMs, statuses, sweeps, heartbeatsAccepted, lateResults, a2aResults } =
    report;
  const ended = Object.entries(statuses).map(([status, count]) => `${count} ${status}`);
  return `Seed ${seed}, ${startedAt.slice(0, 10)}, ${Math.round(durationMs / 1000)} s, threshold ${stuckAfterMs / 1000} s: ${ended.join(', ')}; ${sweeps.count} sweeps, ${sweeps.held} of them held for a storm, ${sweeps.gaps} gaps; ${heartbeatsAccepted} heartbeats accepted, ${lateResults} late results kept, ${a2aResults} results of A2A calls.`;
}

/** Nothing lost, marked falsely, ended twice, not found or inconsistent, and every fault survived. */
export function isClean({ total, problems }: ChaosReport): boolean {
  return total.lost + total.falselyMarked + total.twice + total.wrong === 0 && problems.length === 0;
}
