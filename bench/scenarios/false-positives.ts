import type { Bench } from '../bench.ts';
import { type Detection, type Detector, detectors } from '../false-positives/detectors.ts';
import { fleetOf, type Kind, kinds } from '../false-positives/fleet.ts';
import type { Findings, Table } from '../figure.ts';

const DEATHS_SHARE = 0.03;

/** Simulated fleets under several detectors: how many of the living each marks, and how soon it finds the dead. */
export async function falsePositivesScenario({ quick, say }: Pick<Bench, 'quick' | 'say'>): Promise<Findings> {
  const agents = quick ? 200 : 1000;
  const seeds = quick ? [1] : [1, 2, 3];
  const cells = new Map<string, { readonly falsePer1000: number; readonly detectedAfter: readonly number[] }>();
  for (const kind of kinds) {
    say(`false-positives: ${kind.name}`);
    const fleets = seeds.map((seed) => fleetOf(kind, agents, agents * DEATHS_SHARE, seed));
    for (const detector of detectors) {
      const seen = fleets.map((fleet): Detection => detector.detect(kind, fleet));
      const falseMarks = seen.reduce((sum, each) => sum + each.falseMarks, 0);
      cells.set(keyOf(detector, kind), {
        falsePer1000: (1000 * falseMarks) / (agents * seeds.length),
        detectedAfter: seen.flatMap((each) => each.detectedAfter),
      });
    }
  }
  const cellOf = (detector: Detector, kind: Kind) => cells.get(keyOf(detector, kind))!;
  const table = (id: string, cell: (detector: Detector, kind: Kind) => string): Table => ({
    id,
    header: ['detector', ...kinds.map(({ name }) => name)],
    rows: detectors.map((detector) => [detector.name, ...kinds.map((kind) => cell(detector, kind))]),
  });
  const shown = detectors.filter(({ isShown }) => isShown);
  return {
    document: 'reliability',
    figures: [],
    tables: [
      table('false marks', (detector, kind) => short(cellOf(detector, kind).falsePer1000)),
      table('time to detection', (detector, kind) => {
        const { detectedAfter } = cellOf(detector, kind);
        return `${seconds(quantile(detectedAfter, 0.5))} / ${seconds(quantile(detectedAfter, 0.99))}`;
      }),
    ],
    pictures: [
      {
        id: 'false-positives',
        title: 'Of 1,000 living delegations, those that are marked falsely in three hours',
        xLabel: 'fleet',
        yLabel: 'false marks per 1,000 delegations, at most 1,000',
        kind: 'bars',
        series: shown.map((detector) => ({
          name: detector.name,
          points: kinds.map((kind) => ({ x: kind.name, y: cellOf(detector, kind).falsePer1000 })),
        })),
      },
    ],
  };
}

const keyOf = (detector: Detector, kind: Kind) => `${detector.name} | ${kind.name}`;

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function short(value: number): string {
  return value >= 10 || value === 0 ? String(Math.round(value)) : value.toFixed(1);
}

function seconds(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return 'never';
  return value >= 600 ? `${(value / 60).toFixed(0)} min` : `${Math.round(value)} s`;
}
