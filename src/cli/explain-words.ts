import { styleText } from 'node:util';
import { visible } from '../log/visible.ts';
import { duration } from '../ops/page/format.ts';
import type { ExplainedAttempt, Explanation } from '../sweeper/explanation/explanation.ts';
import type { Timeline, TimelineEntry } from '../sweeper/explanation/timeline.ts';
import type { UnknownDelegation } from '../sweeper/explanation/unknown-delegation.ts';
import { detailWords } from './detail-words.ts';
import { sectionsOf } from './explain-facts.ts';
import type { FactSection } from './fact.ts';
import { statusStyle } from './list-words.ts';
import { shellWord } from './shell-word.ts';
import { type TableColumn, table } from './table.ts';

interface View {
  readonly terminal: boolean;
}

/** Why, what comes next, the arithmetic, the attempts and the timeline. On a terminal with colours. */
export function explainWords(explanation: Explanation, view: View): string {
  const { why, next, delegation, attempts, timeline, activityIsGone, now } = explanation;
  const { status, delegationId } = delegation;
  const style = statusStyle(status);
  const sections = [
    [
      `${bold(visible(delegationId), view)}  ${style && view.terminal ? styleText(style, status, { stream: process.stdout }) : status}`,
      `Why:   ${why}`,
      `Next:  ${next}`,
    ].join('\n'),
    sectionsOf(explanation)
      .map((each) => sectionWords(each, view))
      .join('\n\n'),
    attempts.length > 1 || attempts.some(({ retryOfIsGone }) => retryOfIsGone)
      ? `${bold('Attempts', view)}\n${indented(`${attemptsTable(attempts, view)}${goneWords(attempts)}`)}`
      : '',
    `${bold('Timeline', view)}\n${indented(activityIsGone ? 'Its activity was removed (RETENTION_ACTIVITY).' : timelineTable(timeline, now, view))}`,
  ];
  return sections.filter((text) => text !== '').join('\n\n');
}

/** What is left of an unknown id, and what may have been meant. */
export function unknownWords(unknown: UnknownDelegation, view: View): string {
  const { now, delegationId, activity, removedBefore, retriedAs, near } = unknown;
  const lines = [`The ledger holds no delegation ${visible(delegationId)}.`];
  if (removedBefore !== null) {
    lines.push(`What ended before ${removedBefore} may have been removed from it (RETENTION_DELEGATIONS).`);
  }
  if (retriedAs !== null) lines.push(`There was one: ${visible(retriedAs)} tries it again.`);
  const [first] = activity?.first ?? [];
  if (activity !== null && first !== undefined) {
    const was =
      first.event === 'delegation.orphan_update'
        ? 'It was never inserted, or was deleted: updates came for it'
        : 'It was deleted: its activity is still there';
    lines.push(`${was}, ${countOf(activity)} in all.`, '', indented(timelineTable(activity, now, view)), '');
  }
  if (near.length > 0)
    lines.push('Did you mean one of these?', ...near.map((id) => `  delegation-sweeper explain ${shellWord(id)}`));
  else
    lines.push(
      'What to do: check the id, and that DATABASE_URL and DB_SCHEMA name the ledger that it is in; `delegation-sweeper list` shows what is there.',
    );
  return lines.join('\n');
}

function countOf({ first, leftOut, last }: Timeline): number {
  return first.length + leftOut + last.length;
}

function sectionWords({ title, facts }: FactSection, view: View): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return [bold(title, view), ...facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}

/** Null: the line that stands for the entries which are left out. */
type TimelineLine = TimelineEntry | null;

function timelineTable({ first, leftOut, leftOutIsCapped, last }: Timeline, now: string, view: View): string {
  if (first.length === 0) return 'No activity is recorded.';
  const omitted = `${leftOutIsCapped ? 'at least ' : ''}${leftOut} entries are left out`;
  const columns: readonly TableColumn<TimelineLine>[] = [
    { head: 'AT', text: (entry) => entry?.at ?? '...', whole: true },
    { head: 'AGO', text: (entry) => entry && duration(Date.parse(now) - Date.parse(entry.at)) },
    { head: 'AFTER', text: (entry) => (entry?.sinceBeforeMs == null ? null : `+${duration(entry.sinceBeforeMs)}`) },
    {
      head: 'EVENT',
      text: (entry) => entry?.event.replace('delegation.', '') ?? null,
      style: (entry) => (entry?.toStatus ? statusStyle(entry.toStatus) : null),
    },
    { head: 'FROM', text: (entry) => entry?.fromStatus ?? null },
    { head: 'BY', text: (entry) => entry?.actor ?? null },
    { head: 'EVIDENCE', text: (entry) => (entry === null ? omitted : detailWords(entry, now)), whole: true },
  ];
  return table(last.length === 0 ? first : [...first, null, ...last], columns, view);
}

function attemptsTable(attempts: readonly ExplainedAttempt[], view: View): string {
  const columns: readonly TableColumn<ExplainedAttempt>[] = [
    { head: 'ATTEMPT', text: ({ attempt, isThis }) => `${attempt}${isThis ? ' (this)' : ''}` },
    { head: 'ID', text: ({ delegationId }) => delegationId, whole: true },
    { head: 'STATUS', text: ({ status }) => status, style: ({ status }) => statusStyle(status) },
    { head: 'CREATED', text: ({ createdAt }) => createdAt },
    { head: 'ENDED', text: ({ finishedAt }) => finishedAt },
    { head: 'NOT BEFORE', text: ({ startAfter }) => startAfter },
    { head: 'CALLEE', text: ({ calleeId }) => calleeId },
  ];
  return table(attempts, columns, view);
}

/** Which attempt is missing at the beginning. */
function goneWords(attempts: readonly ExplainedAttempt[]): string {
  const first = attempts.find(({ retryOfIsGone }) => retryOfIsGone);
  return first === undefined
    ? ''
    : `\nWhat attempt ${first.attempt} tries again, ${visible(first.retryOf!)}, is not in the ledger any more.`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

function bold(text: string, { terminal }: View): string {
  return terminal ? styleText('bold', text, { stream: process.stdout }) : text;
}
