import { visible } from '../log/visible.ts';
import { count, duration } from '../ops/page/format.ts';
import type { Ending } from '../sweeper/explanation/ending.ts';
import type { ExplainedTask } from '../sweeper/explanation/explained-task.ts';
import type { Explanation } from '../sweeper/explanation/explanation.ts';
import { arithmeticFacts, notCountedFacts } from './arithmetic-facts.ts';
import { type Fact, type FactSection, facts, when } from './fact.ts';
import { nextSweepFacts } from './next-sweep-facts.ts';

/** The sections of an explanation between its sentences and its timeline. */
export function sectionsOf(explanation: Explanation): readonly FactSection[] {
  const { now, verdict, nextSweep, ending, a2aTask } = explanation;
  return [
    ...(verdict === null ? [] : [{ title: 'Judged now', facts: arithmeticFacts(verdict, now) }]),
    ...(nextSweep === null ? [] : [{ title: 'Next sweep', facts: nextSweepFacts(nextSweep, now) }]),
    ...(ending === null ? [] : [{ title: 'How it ended', facts: endingFacts(ending, now) }]),
    { title: 'Delegation', facts: rowFacts(explanation) },
    ...(a2aTask === null ? [] : [{ title: 'A2A task', facts: taskFacts(a2aTask, now) }]),
  ];
}

function endingFacts(
  { status, at, actor, mark, lateResults, lateResultsCutShort, retriedAs }: Ending,
  now: string,
): Fact[] {
  return facts({
    [status]: when(at, now),
    by: actor === null ? 'unknown: the activity is gone' : visible(actor),
    ...(mark && {
      rule: mark.rule,
      sweep: visible(mark.sweepId),
      [{ overdue: 'overdue for', stale: 'silent for', stalled: 'no progress for' }[mark.rule]]: duration(
        mark.latenessMs,
      ),
      allowed: mark.allowedMs === null ? null : duration(mark.allowedMs),
      'last heartbeat': when(mark.lastHeartbeat, now),
      deadline: when(mark.deadline, now),
      progress: mark.progress === null ? null : visible(mark.progress),
      'progress at': when(mark.progressAt, now),
      'agent asked':
        mark.probe &&
        [mark.probe.outcome, ...(mark.probe.reason === null ? [] : [mark.probe.reason])].map(visible).join(', '),
    }),
  }).concat(
    notCountedFacts(mark?.notCounted ?? []),
    lateResults.map(
      (late): Fact => [
        'late result',
        [
          `${late.status}, ${duration(late.afterMs)} after the end, by ${visible(late.actor)} (${when(late.at, now)})`,
          ...[late.resultPreview, late.errorDetail].flatMap((text) => (text === null ? [] : visible(text))),
        ].join(': '),
      ],
    ),
    lateResultsCutShort ? [['', 'and more, which the timeline shows']] : [],
    retriedAs === null ? [] : [['tried again as', visible(retriedAs)]],
  );
}

function rowFacts({ now, delegation, attempts }: Explanation): Fact[] {
  const { callerId, calleeId, createdAt, lastHeartbeat, deadline, previews, attempt, retryOf, startAfter } = delegation;
  const isGone = attempts.some(({ isThis, retryOfIsGone }) => isThis && retryOfIsGone);
  return facts({
    caller: visible(callerId),
    callee: visible(calleeId),
    created: when(createdAt, now),
    'last heartbeat': when(lastHeartbeat, now),
    deadline: when(deadline, now),
    'own threshold': delegation.stuckAfterMs === null ? null : duration(delegation.stuckAfterMs),
    'stalled after': delegation.stalledAfterMs === null ? null : duration(delegation.stalledAfterMs),
    attempt:
      retryOf === null
        ? null
        : `${count(attempt)}, of ${visible(retryOf)}${isGone ? ', which is not in the ledger any more' : ''}`,
    'not to be started before': when(startAfter, now),
    'idempotency key': delegation.idempotencyKey === null ? null : visible(delegation.idempotencyKey),
    traceparent: delegation.traceparent === null ? null : visible(delegation.traceparent),
    task: previews && visible(previews.task),
    result: previews?.result == null ? null : visible(previews.result),
    'error detail': previews?.errorDetail == null ? null : visible(previews.errorDetail),
  });
}

function taskFacts({ agentUrl, tenant, taskId, contextId, createdAt, probe }: ExplainedTask, now: string): Fact[] {
  const { isEnabled, refusal, lastAnswer, asksAt } = probe;
  return facts({
    agent: visible(agentUrl),
    tenant: tenant === null ? null : visible(tenant),
    task: visible(taskId),
    context: contextId === null ? null : visible(contextId),
    'known since': when(createdAt, now),
    'last answer':
      lastAnswer === null ? 'none was taken' : `${visible(lastAnswer.outcome)}, ${when(lastAnswer.at, now)}`,
    'asked before it is marked': isEnabled
      ? refusal === null
        ? (when(asksAt, now) ?? 'yes')
        : `no: ${refusal}`
      : 'no: A2A_PROBE is off',
  });
}
