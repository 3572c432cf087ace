import type { Finding, Kind } from './audit.ts';
import type { Injection } from './chaos.ts';
import { overlapMs, type Stretch } from './outages.ts';
import type { ServerKind } from './server-programs.ts';

/** One fault's line: the delegations that were alive during it, and what is wrong with them. */
export interface FaultRow {
  readonly fault: string;
  readonly injected: number;
  readonly survived: number;
  readonly delegations: number;
  readonly lost: number;
  readonly falselyMarked: number;
  readonly twice: number;
  /** Not found or found late, not as their activity says, or not tried again as it should be. */
  readonly wrong: number;
}

export interface ChaosReport {
  readonly seeds: readonly number[];
  readonly servers: readonly ServerKind[];
  readonly startedAt: string;
  readonly durationMs: number;
  readonly stuckAfterMs: number;
  readonly faults: readonly FaultRow[];
  readonly total: FaultRow;
  readonly statuses: Readonly<Record<string, number>>;
  /** Completed sweeps, how many of them held for a storm, and the gaps that the daemons recorded. */
  readonly sweeps: { readonly count: number; readonly held: number; readonly gaps: number };
  /** By how much each mark came later than it was due, holds of the storm guard included, outages not. */
  readonly lateMs: readonly number[];
  readonly heartbeatsAccepted: number;
  readonly lateResults: number;
  /** That A2A agents gave to their caller. */
  readonly a2aResults: number;
  /** Faults that this machine can't have. */
  readonly notPossible: readonly string[];
  readonly findings: readonly Finding[];
  readonly problems: readonly string[];
}

/** From when to when each delegation was alive. */
export type Lives = ReadonlyMap<string, Stretch>;

export function reportRow(
  fault: string,
  injections: readonly Injection[],
  lives: Lives,
  findings: readonly Finding[],
): FaultRow {
  const isTouched = (id: string) => {
    const life = lives.get(id);
    // A delegation without a row counts for every fault: its insert was lost.
    return life === undefined ? injections.length > 0 : injections.some((one) => overlapMs(one, life) > 0);
  };
  const touched = [...lives.keys()].filter(isTouched).length;
  return {
    fault,
    injected: injections.length,
    survived: injections.filter(({ problem }) => problem === null).length,
    delegations: touched,
    ...counted(findings.filter(({ id }) => isTouched(id))),
  };
}

export function totalOf(faultRows: readonly FaultRow[], lives: Lives, findings: readonly Finding[]): FaultRow {
  const sum = (key: 'injected' | 'survived') => faultRows.reduce((total, row) => total + row[key], 0);
  const [injected, survived] = [sum('injected'), sum('survived')];
  return { fault: 'all', injected, survived, delegations: lives.size, ...counted(findings) };
}

function counted(findings: readonly Finding[]) {
  const count = (...kinds: Kind[]) =>
    new Set(findings.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id)).size;
  return {
    lost: count('lost'),
    falselyMarked: count('falselyMarked'),
    twice: count('twice'),
    wrong: count('open', 'late', 'replay', 'retry'),
  };
}

/** The time in which one of these ran, or several side by side. */
function runMs(reports: readonly ChaosReport[]): number {
  let [sum, until] = [0, 0];
  const runs = reports.map(({ startedAt, durationMs }) => ({ startAt: Date.parse(startedAt), durationMs }));
  for (const { startAt, durationMs } of runs.toSorted((a, b) => a.startAt - b.startAt)) {
    const endAt = startAt + durationMs;
    sum += Math.max(0, endAt - Math.max(startAt, until));
    until = Math.max(until, endAt);
  }
  return sum;
}

/** Several runs as one. */
export function merged(reports: readonly ChaosReport[]): ChaosReport {
  const sum = (of: (report: ChaosReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const sumOfRows = (name: string): FaultRow => {
    const rows = reports.flatMap(({ faults, total }) => [...faults, total]).filter(({ fault }) => fault === name);
    const add = (key: Exclude<keyof FaultRow, 'fault'>) => rows.reduce((total, row) => total + row[key], 0);
    return {
      fault: name,
      injected: add('injected'),
      survived: add('survived'),
      delegations: add('delegations'),
      lost: add('lost'),
      falselyMarked: add('falselyMarked'),
      twice: add('twice'),
      wrong: add('wrong'),
    };
  };
  const names = [...new Set(reports.flatMap(({ faults }) => faults.map(({ fault }) => fault)))];
  const statuses = [...new Set(reports.flatMap((report) => Object.keys(report.statuses)))];
  const impossible = reports.map(({ notPossible }) => new Set(notPossible));
  const startedAt = reports.map((report) => report.startedAt).sort();
  return {
    seeds: reports.flatMap(({ seeds }) => seeds),
    servers: [...new Set(reports.flatMap(({ servers }) => servers))],
    startedAt: startedAt[0]!,
    durationMs: runMs(reports),
    stuckAfterMs: reports[0]!.stuckAfterMs,
    faults: names.map(sumOfRows),
    total: sumOfRows('all'),
    statuses: Object.fromEntries(statuses.map((status) => [status, sum((report) => report.statuses[status] ?? 0)])),
    sweeps: {
      count: sum(({ sweeps }) => sweeps.count),
      held: sum(({ sweeps }) => sweeps.held),
      gaps: sum(({ sweeps }) => sweeps.gaps),
    },
    lateMs: reports.flatMap(({ lateMs }) => lateMs),
    heartbeatsAccepted: sum((report) => report.heartbeatsAccepted),
    lateResults: sum((report) => report.lateResults),
    a2aResults: sum((report) => report.a2aResults),
    notPossible: names.filter((name) => impossible.every((set) => set.has(name))),
    findings: reports.flatMap(({ findings }) => findings),
    problems: reports.flatMap(({ problems }) => problems),
  };
}

/** Nothing lost, marked falsely, ended twice, not found in time or inconsistent, and every fault survived. */
export function isClean({ total, problems }: ChaosReport): boolean {
  return total.lost + total.falselyMarked + total.twice + total.wrong === 0 && problems.length === 0;
}
