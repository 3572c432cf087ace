import { createHash } from 'node:crypto';
import type { Advice } from '../../sweeper/advice/advisor.ts';
import type { Census } from '../../sweeper/status/census.ts';
import type { History } from '../../sweeper/status/history.ts';
import type { Status } from '../../sweeper/status/status.ts';
import { adviceSection } from './advice-section.ts';
import { instant, since } from './format.ts';
import { type Html, html, Html as Markup } from './html.ts';
import { silenceChart } from './silence-chart.ts';
import { style } from './style.ts';
import { sweepsChart } from './sweeps-chart.ts';
import { calleesTable, marksTable } from './tables.ts';
import { dayTiles, factsList, openTiles } from './tiles.ts';
import { unreachable, type Verdict, verdictOf } from './verdict.ts';

/** What the page shows. Null: it could not be read. */
export interface PageReadings {
  readonly status: Status | { readonly err: unknown; readonly refusal: { readonly remedy: string } | null };
  readonly census: Census | null;
  readonly history: History | null;
  readonly advice: Advice | null;
  readonly version: string;
}

/** How often the page reloads. Its readings are at most five seconds old, the census may be older. */
const REFRESH_SECONDS = 30;

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%233f8f86' stroke-width='2.5'/%3E%3Cpath d='M8 8V3' stroke='%23c8501e' stroke-width='2.5'/%3E%3C/svg%3E";

/** Allows the page's one style sheet and icon, and nothing else: no script, form, frame or request. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function renderPage(readings: PageReadings): string {
  const { status, version } = readings;
  const body =
    'err' in status
      ? verdictSection(unreachable(status.err, status.refusal), null)
      : html`${verdictSection(verdictOf(status), factsList(status))}${sections(status, readings)}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>${title(status)}</title>
<link rel="icon" href="${new Markup(icon)}">
<style>${new Markup(style)}</style>
</head>
<body>
<header><h1>delegation-sweeper</h1><p>${version}</p></header>
<main>${body}</main>
<footer>${'err' in status ? null : `As of ${instant(status.now, status.now)} UTC by the database's clock. `}Reloads every ${REFRESH_SECONDS} s.</footer>
</body>
</html>
`.text;
}

function title(status: PageReadings['status']): string {
  const verdict = 'err' in status ? unreachable(status.err, status.refusal) : verdictOf(status);
  return `${verdict.title} · delegation-sweeper`;
}

function verdictSection({ tone, title: heading, detail }: Verdict, facts: Html | null): Html {
  return html`<section class="verdict ${tone}"><h2>${heading}</h2><p>${detail}</p>${facts}</section>`;
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
