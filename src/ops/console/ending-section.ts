import type { Ending, LateResult, MarkEvidence } from '../../sweeper/explanation/ending.ts';
import { type Fact, factsList } from '../page/facts.ts';
import { duration } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import { delegationLink } from '../page/links.ts';
import { statusWord } from '../page/status-word.ts';
import { stackedTable } from '../page/table.ts';
import { arithmetic, type Term } from './arithmetic.ts';
import type { Instants } from './explained.ts';
import { gapTerms } from './verdict-section.ts';
import { ruleWords } from './words.ts';

/** How a delegation ended, by whom, on what evidence, and what came after. */
export function endingSection(ending: Ending, at: Instants, showsPreviews: boolean): Html {
  const { status, actor, mark, retriedAs } = ending;
  const facts: (Fact | null)[] = [
    ['Ended as', statusWord(status)],
    ['When', html`${at.at(ending.at)} UTC, ${at.age(ending.at)}`],
    ['By', actor ?? 'not recorded'],
    mark && ['Rule', ruleWords[mark.rule]],
    mark && ['Sweep', html`<code>${mark.sweepId}</code>`],
    mark?.probe ? ['Its agent, asked', probeWords(mark.probe)] : null,
    retriedAs === null ? null : ['Tried again as', delegationLink(retriedAs)],
  ];
  return html`<section><h2>How it ended</h2>${factsList(facts)}${mark === null ? null : evidence(mark, ending, at)}</section>
<section><h2>Late results</h2>${lateResults(ending, at, showsPreviews)}</section>`;
}

function probeWords({ outcome, reason }: NonNullable<MarkEvidence['probe']>): string {
  return `${outcome.replaceAll('_', ' ')}${reason === null ? '' : `: ${reason}`}`;
}

function evidence(mark: MarkEvidence, ending: Ending, at: Instants): Html {
  const { rule, latenessMs, allowedMs, lastHeartbeat, deadline, progress, progressAt, notCounted } = mark;
  const marked: Term = { name: 'Marked', value: html`${at.at(ending.at)} UTC`, note: null };
  const heard: Term = {
    name: 'Last heard',
    value: lastHeartbeat === null ? 'never' : html`${at.at(lastHeartbeat)} UTC`,
    note: null,
  };
  if (rule === 'overdue') {
    return arithmetic('The evidence of the mark', [
      { name: 'Deadline', value: deadline === null ? 'not recorded' : html`${at.at(deadline)} UTC`, note: null },
      marked,
      { name: 'Past its deadline by', value: duration(latenessMs), note: null, isSum: true },
      heard,
    ]);
  }
  const silence = rule === 'stalled' ? 'Without progress' : 'Silent';
  const countedMs = notCounted.reduce((left, { ms }) => left - ms, latenessMs);
  const stalled: Term = {
    name: 'Last progress',
    value: progressAt === null ? 'none' : html`${at.at(progressAt)} UTC`,
    note: progress,
  };
  return arithmetic('The evidence of the mark', [
    rule === 'stalled' ? stalled : heard,
    marked,
    { name: `${silence} by the clock`, value: duration(latenessMs), note: null },
    ...gapTerms(notCounted, at),
    { name: `${silence}, what counted`, value: duration(countedMs), note: null, isSum: true },
    ...(allowedMs === null ? [] : allowedTerms(countedMs, allowedMs)),
    ...(rule === 'stalled' ? [heard] : []),
  ]);
}

function allowedTerms(countedMs: number, allowedMs: number): readonly Term[] {
  return [
    { name: 'Allowed', value: duration(allowedMs), note: null },
    { name: 'Too long by', value: duration(countedMs - allowedMs), note: null, isSum: true },
  ];
}

const lateColumns = [
  { name: 'UTC', kind: 'at' },
  { name: 'After its end', kind: 'at' },
  { name: 'Would have been', kind: 'step' },
  { name: 'By', kind: 'agent' },
  { name: 'Result' },
];

function lateResults(
  { lateResults: results, lateResultsCutShort }: Ending,
  at: Instants,
  showsPreviews: boolean,
): Html {
  if (results.length === 0) return html`<p class="none">None: no result came after it had ended.</p>`;
  const rows = results.map((result) => [
    at.at(result.at),
    duration(result.afterMs),
    statusWord(result.status),
    html`<code>${result.actor}</code>`,
    textOf(result) ?? (showsPreviews ? 'none' : 'not shown'),
  ]);
  const caption = 'Results that came after it had ended, and are kept';
  const more = lateResultsCutShort
    ? html`<p class="none">There are more; the database has them in activity_logs.</p>`
    : null;
  return html`${stackedTable({ caption, columns: lateColumns, rows })}${more}`;
}

function textOf({ resultPreview, errorDetail }: LateResult): Html | null {
  const text = resultPreview ?? errorDetail;
  return text === null ? null : html`<span class="preview">${text}</span>`;
}
