import type { ExplainedTask } from '../../sweeper/explanation/explained-task.ts';
import type { ExplainedDelegation, Explanation } from '../../sweeper/explanation/explanation.ts';
import { type Fact, factsList } from '../page/facts.ts';
import { duration } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import { delegationLink } from '../page/links.ts';
import type { Instants } from './explained.ts';

/** The row as it is in the ledger. */
export function rowSection(row: ExplainedDelegation, attempts: Explanation['attempts'], at: Instants): Html {
  const isGone = attempts.some(({ isThis, retryOfIsGone }) => isThis && retryOfIsGone);
  const instant = (name: string, value: string | null): Fact | null =>
    value === null ? null : [name, html`${at.at(value)} UTC, ${at.age(value)}`];
  const facts: (Fact | null)[] = [
    instant('Created', row.createdAt),
    instant('Last changed', row.updatedAt),
    instant('Last heartbeat', row.lastHeartbeat),
    instant('Deadline', row.deadline),
    row.stuckAfterMs === null ? null : ['Stuck after', `${duration(row.stuckAfterMs)}, its own`],
    row.stalledAfterMs === null ? null : ['Stalled after', duration(row.stalledAfterMs)],
    row.waitingReason === null ? null : ['Waits for', row.waitingReason],
    instant('Waits until', row.waitingUntil),
    row.progress === null ? null : ['Progress', row.progress],
    instant('Progress at', row.progressAt),
    row.retryOf === null
      ? null
      : [
          'Tries again',
          isGone ? html`<code>${row.retryOf}</code>, which is not in the ledger any more` : delegationLink(row.retryOf),
        ],
    ['Attempt', row.attempt],
    instant('Not to start before', row.startAfter),
    row.idempotencyKey === null ? null : ['Idempotency key', html`<code>${row.idempotencyKey}</code>`],
    row.traceparent === null ? null : ['Trace context', html`<code>${row.traceparent}</code>`],
  ];
  return html`<section><h2>The row</h2>${factsList(facts)}</section>`;
}

/** The A2A task that the delegation is. */
export function taskSection(
  { agentUrl, tenant, taskId, contextId, createdAt, probe }: ExplainedTask,
  at: Instants,
): Html {
  const { isEnabled, refusal, lastAnswer, asksAt } = probe;
  const facts: (Fact | null)[] = [
    ['Agent', html`<code>${agentUrl}</code>`],
    ['Task', html`<code>${taskId}</code>`],
    contextId === null ? null : ['Context', html`<code>${contextId}</code>`],
    tenant === null ? null : ['Tenant', html`<code>${tenant}</code>`],
    ['Known since', html`${at.at(createdAt)} UTC`],
    [
      'Asked before it is marked',
      isEnabled ? (refusal === null ? 'yes' : `no: ${refusal.replaceAll('_', ' ')}`) : 'no: A2A_PROBE is off',
    ],
    lastAnswer && ['Last answer', html`${lastAnswer.outcome.replaceAll('_', ' ')}, ${at.age(lastAnswer.at)}`],
    asksAt === null ? null : ['Would be asked', html`${at.at(asksAt)} UTC`],
  ];
  return html`<section><h2>Its A2A task</h2>${factsList(facts)}</section>`;
}

/** What agents wrote. */
export function previewsSection({ previews }: ExplainedDelegation): Html {
  if (previews === null) {
    return html`<section><h2>Previews</h2><p class="none">Not shown: the daemon’s OPS_SHOW_PREVIEWS is false.</p></section>`;
  }
  const texts = [
    ['Task', previews.task],
    ['Result', previews.result],
    ['Error detail', previews.errorDetail],
  ] as const;
  return html`<section><h2>Previews</h2>${texts.map(([name, text]) =>
    text === null ? null : html`<h3>${name}</h3><p class="preview">${text}</p>`,
  )}</section>`;
}
