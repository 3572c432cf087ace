import type { Advice } from '../../sweeper/advice/advisor.ts';
import type { Census } from '../../sweeper/status/census.ts';
import type { History } from '../../sweeper/status/history.ts';
import type { Status } from '../../sweeper/status/status.ts';
import type { Undelivered } from '../../webhook/undelivered.ts';
import { adviceSection } from './advice-section.ts';
import { since } from './format.ts';
import { holdsSection } from './holds-list.ts';
import { type Html, html } from './html.ts';
import type { Layout } from './layout.ts';
import { silenceChart } from './silence-chart.ts';
import { sweepsChart } from './sweeps-chart.ts';
import { calleesTable, marksTable } from './tables.ts';
import { dayTiles, openTiles, statusFacts } from './tiles.ts';
import { time } from './time.ts';
import { unreachable, type Verdict, verdictOf } from './verdict.ts';

/** What the page shows. Null: it could not be read. */
export interface PageReadings {
  readonly status: Status | { readonly err: unknown; readonly refusal: { readonly remedy: string } | null };
  readonly census: Census | null;
  readonly history: History | null;
  readonly advice: Advice | null;
  readonly undelivered: Undelivered | null;
  readonly version: string;
  /** Whether the page reloads by itself. */
  readonly reloads: boolean;
}

/** How often the page reloads. Its readings are at most five seconds old, the census may be older. */
export const REFRESH_SECONDS = 30;

export function statusPage(readings: PageReadings): Layout {
  const { status, version, reloads } = readings;
  const main =
    'err' in status
      ? verdictSection(unreachable(status.err, status.refusal), null)
      : html`${verdictSection(verdictOf(status), statusFacts(status, readings.undelivered))}${sections(status, readings)}`;
  const reloading = reloads
    ? html`Reloads every ${REFRESH_SECONDS} s: <a href="/?reload=off">stop reloading</a>.`
    : html`Does not reload by itself: <a href="/">reload every ${REFRESH_SECONDS} s</a>.`;
  const footer = html`${'err' in status ? null : html`As of ${time(status.now, status.now)} UTC by the database's clock. `}${reloading}`;
  return { title: title(status), current: '/', main, footer, version };
}

function title(status: PageReadings['status']): string {
  const verdict = 'err' in status ? unreachable(status.err, status.refusal) : verdictOf(status);
  return verdict.title;
}

function verdictSection({ tone, title: heading, detail }: Verdict, facts: Html | null): Html {
  return html`<section class="verdict ${tone}"><h1>${heading}</h1><p>${detail}</p>${facts}</section>`;
}

function sections(status: Status, { census, history, advice }: PageReadings): Html {
  const { now, stuckAfterMs } = status;
  const missing = html`<p class="none">Could not be read in time.</p>`;
  return html`
<section class="half"><h2>Open delegations</h2>${openTiles(census, status)}</section>
<section class="half"><h2>Last day</h2>${dayTiles(status)}</section>
<section class="half"><h2>Sweeps of the last day</h2>${history === null ? missing : sweepsChart(history, now)}</section>
<div class="stack"><section><h2>Silence of the delegations in progress</h2>${
    census === null
      ? missing
      : html`<p class="sub">Time since the last heartbeat, against ${thresholdWords(census)}${countedAt(census, now)}.</p>${silenceChart(census, stuckAfterMs)}`
  }</section>
<section><h2>Callees with most stuck, last day</h2>${history === null ? missing : calleesTable(history.callees)}</section></div>
<section><h2>Latest marks</h2>${history === null ? missing : marksTable(history.marks, now)}</section>
${holdsSection(status.operatorHolds, now)}
${adviceSection(advice)}`;
}

function thresholdWords({ ownThreshold, waiting }: Census): string {
  const threshold = ownThreshold === 0 ? 'the threshold' : 'each one’s threshold';
  return waiting === 0 ? threshold : `${threshold}; without those that wait`;
}

/** When it was counted: a large fleet is counted less often than the page reloads. */
function countedAt({ at }: Census, now: Date): string {
  return now.getTime() - at.getTime() < 10_000 ? '' : `; counted ${since(now, at)} ago`;
}
