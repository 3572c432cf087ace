import type { Explanation } from '../../sweeper/explanation/explanation.ts';
import type { NotCounted, Silence, Verdict } from '../../sweeper/explanation/verdict.ts';
import { type Fact, factsList } from '../page/facts.ts';
import { duration } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import { arithmetic, type Term } from './arithmetic.ts';
import type { Instants } from './explained.ts';
import { gapWords, heardByWords, ruleWords, thresholdWords } from './words.ts';

/** How a sweep judges an open delegation now: what counts, against what is allowed. */
export function verdictSection({ delegation }: Explanation, verdict: Verdict, at: Instants): Html {
  const { silence, progress, waiting, deadline, due, rule } = verdict;
  const facts: (Fact | null)[] = [
    ['Matches', rule === null ? 'no rule' : ruleWords[rule]],
    ['Deadline', deadlineWords(deadline, at)],
    waiting && ['Waiting', html`${waiting.isOver ? 'until ' : 'for '}${at.age(waiting.until)}: ${waiting.reason}`],
    ...due.map(
      (one): Fact => [
        one.isPassed ? `Is ${one.rule} since` : `Would be ${one.rule}`,
        html`${at.at(one.at)} UTC, ${at.age(one.at)}`,
      ],
    ),
  ];
  return html`<section><h2>How it is judged now</h2>${factsList(facts)}
${silence === null ? html`<p class="none">Silence does not count while it is ${delegation.status}; only its deadline does.</p>` : silenceTable(silence, at)}
${progress === null ? null : progressTable(progress, at)}</section>`;
}

function deadlineWords({ at: instant, jumpedMs, leftMs }: Verdict['deadline'], at: Instants): Html {
  const left = leftMs >= 0 ? `${duration(leftMs)} left` : `passed ${duration(-leftMs)} ago`;
  const jumped = jumpedMs === 0 ? null : `, ${duration(jumpedMs)} later since the clock was set forward`;
  return html`${at.at(instant)} UTC, ${left}${jumped}`;
}

function silenceTable(silence: Silence, at: Instants): Html {
  const { heardAt, heardBy, wallMs, observedMs, threshold, notCounted } = silence;
  const lowered =
    threshold.lowered === null
      ? null
      : html`; lowered to ${duration(threshold.lowered.toMs)} at ${at.at(threshold.lowered.at)} UTC`;
  return arithmetic('The silence of its agent', [
    { name: 'Last heard', value: html`${at.at(heardAt)} UTC`, note: heardByWords[heardBy] },
    { name: 'Silent by the clock', value: duration(wallMs), note: null },
    ...gapTerms(notCounted, at),
    { name: 'Silence that counts', value: duration(observedMs), note: null, isSum: true },
    { name: 'Allowed', value: duration(threshold.ms), note: html`${thresholdWords[threshold.source]}${lowered}` },
    difference(observedMs, threshold.ms),
  ]);
}

function progressTable(progress: NonNullable<Verdict['progress']>, at: Instants): Html {
  const { text, countsFrom, observedMs, stalledAfterMs } = progress;
  return arithmetic('The progress of its agent', [
    { name: 'Last progress', value: progress.at === null ? 'none yet' : html`${at.at(progress.at)} UTC`, note: text },
    { name: 'Counts from', value: html`${at.at(countsFrom)} UTC`, note: null },
    { name: 'Without progress', value: duration(observedMs), note: null, isSum: true },
    { name: 'Allowed', value: duration(stalledAfterMs), note: 'its own limit' },
    difference(observedMs, stalledAfterMs),
  ]);
}

/** Exactly at what is allowed is not yet too long. */
function difference(countedMs: number, allowedMs: number): Term {
  return countedMs > allowedMs
    ? { name: 'Too long by', value: duration(countedMs - allowedMs), note: null, isSum: true }
    : { name: 'Left', value: duration(allowedMs - countedMs), note: null, isSum: true };
}

/** Time that does not count, one line each. */
export function gapTerms(notCounted: readonly NotCounted[], at: Instants): readonly Term[] {
  return notCounted.map(({ start, end, kind, isOpen, ms }) => ({
    name: 'Not counted',
    value: `− ${duration(ms)}`,
    note: html`${at.at(start)} to ${isOpen ? 'now' : at.at(end)}: ${gapWords[kind]}`,
  }));
}
