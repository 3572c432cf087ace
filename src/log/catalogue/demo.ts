import * as z from 'zod';
import { event } from './event.ts';
import { count, delegationId, milliseconds, text } from './fields.ts';

const agent = text('the agent, which is the callee of its delegation');

/** Events of the command `demo`. No daemon emits them. */
export const demoEvents = {
  'demo.started': event(
    'info',
    'Demo started',
    z.strictObject({
      agents: count('delegations in the demo'),
      stuckAfterMs: milliseconds('the silence that is allowed'),
      database: z.enum(['embedded', 'given']).describe("the demo's own server, or the one that DATABASE_URL names"),
      schema: text("schema of the ledger's tables, dropped at the end"),
      limitMs: milliseconds('when the demo gives up'),
    }),
  ),
  'demo.agent': event(
    'info',
    'Something happened to an agent',
    z.strictObject({
      agent,
      delegationId,
      pid: z.int().nullable().describe('its process; null when none ever took the delegation'),
      act: z
        .enum([
          'queued',
          'working',
          'delivered',
          'killed',
          'paused',
          'resumed',
          'told',
          'retried',
          'asked',
          'answered',
          'returned',
          'cut',
          'orphaned',
          'probed',
        ])
        .describe(
          'told: its heartbeat was answered with `terminal`, or its caller read that it has ended; retried: its caller learned of its death and made a second attempt; the last six with A2A alone',
        ),
      detail: text('the same in words'),
    }),
  ),
  'demo.result': event(
    'info',
    'How a delegation ended',
    z.strictObject({
      agent,
      delegationId,
      happened: text('to the agent'),
      status: z.string().nullable().describe('status in the ledger at the end; null when there is no such row'),
      errorDetail: z.string().nullable().describe('the reason in the ledger, if there is one'),
      attempt: count('which attempt at its work it was'),
      lateResult: z.boolean().describe('a result that arrived too late was refused and recorded'),
      asExpected: z.boolean().describe('the delegation ended as expected'),
      problems: z.array(z.string()).describe('what differs from what was expected'),
    }),
  ),
  'demo.completed': event(
    'info',
    'Demo completed',
    z.strictObject({
      agents: count('delegations in the demo'),
      asExpected: count('delegations that ended as expected'),
      unexpected: z.array(z.string()).describe('the agents of the others'),
      timedOut: z.boolean().describe('the demo gave up at its limit'),
      durationMs: milliseconds('from the start'),
    }),
  ),
} as const;
