import type { ChaosReport, FaultRow } from './report.ts';

const columns: readonly (readonly [string, keyof FaultRow])[] = [
  ['fault', 'fault'],
  ['injected', 'injected'],
  ['survived', 'survived'],
  ['delegations alive', 'delegations'],
  ['lost', 'lost'],
  ['marked falsely', 'falselyMarked'],
  ['twice', 'twice'],
  ['not found in time or inconsistent', 'wrong'],
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
  const { seeds, servers, startedAt, durationMs, stuckAfterMs, statuses, sweeps, notPossible } = report;
  const { heartbeatsAccepted, lateResults, a2aResults } = report;
  const ended = Object.entries(statuses).map(([status, count]) => `${count} ${status}`);
  const lines = [
    `${seeds.length === 1 ? `Seed ${seeds[0]}` : `${seeds.length} fleets`}, ${startedAt.slice(0, 10)}, ${Math.round(durationMs / 1000)} s, server: ${servers.join(' and ')}, threshold ${stuckAfterMs / 1000} s: ${ended.join(', ')}; ${sweeps.count} sweeps, ${sweeps.held} of them held for a storm, ${sweeps.gaps} gaps; ${heartbeatsAccepted} heartbeats accepted, ${lateResults} late results kept, ${a2aResults} results of A2A calls.`,
    latenessOf(report.lateMs),
  ];
  if (notPossible.length > 0) lines.push(`Not injected, for lack of a right or a program: ${notPossible.join('; ')}.`);
  return lines.join('\n\n');
}

function latenessOf(lateMs: readonly number[]): string {
  if (lateMs.length === 0) return 'No mark of the stale rule was measured.';
  const sorted = lateMs.toSorted((a, b) => a - b);
  const quantile = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1]! / 1000).toFixed(1);
  return `${sorted.length} marks came later than they were due by ${quantile(0.5)} s (half of them), ${quantile(0.99)} s (99 of 100), ${quantile(1)} s (all), holds of the storm guard included, outages not.`;
}
