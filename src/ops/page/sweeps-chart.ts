import type { History } from '../../sweeper/status/history.ts';
import { clock, compact, count, duration } from './format.ts';
import { type Html, html } from './html.ts';

const DAY_MS = 86_400_000;
const BIN_MS = 900_000;
const BINS = DAY_MS / BIN_MS;

/** In the picture's units: each bin is ten wide, of which two are a gap; the tallest bar is a hundred. */
const STEP = 10;
const BAR = 8;
const HEIGHT = 100;
/** So that one mark among thousands is still visible. */
const LEAST = 2;

type Bin = History['bins'][number];

/** The last day by quarters of an hour: the marks, and the duration of the slowest sweep. */
export function sweepsChart(history: History, now: Date): Html {
  const start = Math.floor(now.getTime() / BIN_MS) * BIN_MS - (BINS - 1) * BIN_MS;
  const x = (at: Date) => ((at.getTime() - start) / BIN_MS) * STEP;
  const bins = history.bins.filter(({ at }) => at.getTime() >= start);
  const markedMax = Math.max(0, ...bins.map(({ stuck, failed }) => stuck + failed));
  const durationMax = Math.max(0, ...bins.map(({ durationMaxMs }) => durationMaxMs));
  const total = (of: (bin: Bin) => number) => bins.reduce((sum, bin) => sum + of(bin), 0);
  const gaps = history.gaps.map(({ start: from, end }) => {
    const left = Math.max(0, x(from));
    return html`<rect class="gap" x="${left}" y="0" width="${Math.max(2, x(end) - left)}" height="${HEIGHT}"><title>${clock(from)} to ${clock(end)} UTC: watched by no daemon</title></rect>`;
  });
  const marked = bins.map((bin) => {
    const failed = height(bin.failed, markedMax);
    const stuck = height(bin.stuck, markedMax);
    return html`<g><title>${label(bin)}: ${count(bin.stuck)} stuck, ${count(bin.failed)} failed${bin.held ? ', held' : ''}</title>
<rect class="hit" x="${x(bin.at)}" y="0" width="${STEP}" height="${HEIGHT}"/>
<rect class="failed" x="${x(bin.at)}" y="${HEIGHT - failed}" width="${BAR}" height="${failed}"/>
<rect class="stuck" x="${x(bin.at)}" y="${HEIGHT - failed - stuck}" width="${BAR}" height="${stuck}"/></g>`;
  });
  const durations = bins.map((bin) => {
    const tall = height(bin.durationMaxMs, durationMax);
    return html`<g><title>${label(bin)}: ${count(bin.sweeps)} sweeps, the slowest ${duration(bin.durationMaxMs)}</title>
<rect class="hit" x="${x(bin.at)}" y="0" width="${STEP}" height="${HEIGHT}"/>
<rect class="time" x="${x(bin.at)}" y="${HEIGHT - tall}" width="${BAR}" height="${tall}"/></g>`;
  });
  const stuck = count(total((bin) => bin.stuck));
  const failed = count(total((bin) => bin.failed));
  return html`<div class="legend"><span><i class="stuck"></i>stuck ${stuck}</span><span><i class="failed"></i>failed ${failed}</span>${
    history.gaps.length > 0 ? html`<span><i class="gap"></i>unobserved</span>` : null
  }</div>
${plot(`Marked in the last day by quarters of an hour: ${stuck} stuck, ${failed} failed`, compact(markedMax), 'tall', [...gaps, ...marked])}
${axis(start, now)}
<h3>Slowest sweep</h3>
${plot(`Slowest sweep by quarters of an hour, ${duration(durationMax)} at most`, duration(durationMax), 'flat', durations)}
${axis(start, now)}`;
}

function label({ at }: Bin): string {
  return `${clock(at)} to ${clock(new Date(at.getTime() + BIN_MS))} UTC`;
}

function height(value: number, max: number): number {
  return value === 0 ? 0 : Math.max(LEAST, Math.round((value / max) * HEIGHT));
}

function plot(summary: string, max: string, size: string, marks: readonly Html[]): Html {
  return html`<div class="plot"><span class="max">${max}</span>
<svg class="${size}" viewBox="0 0 ${BINS * STEP} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary}">${marks}</svg></div>`;
}

/** Text is outside the picture, which is stretched to the available width. */
function axis(start: number, now: Date): Html {
  const hours = [0, 6, 12, 18].map((hour) => html`<span>${clock(new Date(start + hour * 3_600_000))}</span>`);
  return html`<div class="axis">${hours}<span>${clock(now)} UTC</span></div>`;
}
