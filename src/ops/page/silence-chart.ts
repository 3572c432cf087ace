import type { Census } from '../../sweeper/status/census.ts';
import { compact, count, duration, percentage } from './format.ts';
import { type Html, html } from './html.ts';

const STEP = 10;
const BAR = 9;
const HEIGHT = 100;
const LEAST = 2;

/** The delegations in progress by silence, in tenths of the threshold; the last bar is at or past it. */
export function silenceChart({ silence, ownThreshold }: Census, stuckAfterMs: number): Html {
  const max = Math.max(1, ...silence);
  const parts = silence.length - 1;
  // Thresholds that differ have no common unit but their own length.
  const scale = (part: number) =>
    ownThreshold === 0 ? duration((part * stuckAfterMs) / parts) : percentage(part / parts);
  const threshold = ownThreshold === 0 ? `the threshold of ${scale(parts)}` : 'their threshold';
  const bars = silence.map((rows, i) => {
    const tall = rows === 0 ? 0 : Math.max(LEAST, Math.round((rows / max) * HEIGHT));
    const kind = i === parts ? 'stuck' : 'alive';
    return html`<g><title>${i === parts ? `${scale(parts)} or more, past the threshold` : `${scale(i)} to ${scale(i + 1)}`}: ${count(rows)}</title>
<rect class="hit" x="${i * STEP}" y="0" width="${STEP}" height="${HEIGHT}"/>
<rect class="${kind}" x="${i * STEP}" y="${HEIGHT - tall}" width="${BAR}" height="${tall}"/></g>`;
  });
  const past = silence[parts] ?? 0;
  const summary = `Delegations in progress by silence: ${count(past)} are at or past ${threshold}`;
  const half = Math.floor(parts / 2);
  return html`<div class="counts">${silence.map((rows) => html`<span>${rows === 0 ? '' : compact(rows)}</span>`)}</div>
<div class="plot"><svg class="tall" viewBox="0 0 ${silence.length * STEP} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary}">${bars}
<line class="threshold" x1="${parts * STEP - 0.5}" x2="${parts * STEP - 0.5}" y1="0" y2="${HEIGHT}"/></svg></div>
<div class="counts axis"><span class="from">${scale(0)}</span>${Array.from({ length: parts - 1 }, (_, i) => html`<span class="from">${i + 1 === half ? scale(half) : ''}</span>`)}<span class="from over">${scale(parts)}</span></div>`;
}
