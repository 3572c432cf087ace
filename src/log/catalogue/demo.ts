import { z } from 'zod';
import { event } from './event.ts';
import { count, delegationId, milliseconds, text } from './fields.ts';

const agent = text('the agent, which is the callee of its delegation');

/** The story that the command `demo` tells. No daemon emits these. */
export const demoEvents = {
  'demo.started': event(
    'info',
    'Demo started',
    z.strictObject({
      agents: count('delegations in the play'),
      stuckAfterMs: milliseconds('the silence that is allowed in it'),
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
        .enum(['queued', 'working', 'delivered', 'killed', 'paused', 'resumed', 'told'])
        .describe('told: its heartbeat was answered with `terminal`'),
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
      status: z.string().nullable().describe('what the ledger says at the end; null when it holds no such row'),
      errorDetail: z.string().nullable().describe('the reason in the ledger, if there is one'),
      lateResult: z.boolean().describe('a result that came too late was refused, and recorded'),
      asExpected: z.boolean().describe('the delegation ended as it should'),
      problems: z.array(z.string()).describe('what is not as it should be'),
    }),
  ),
  'demo.completed': event(
    'info',
    'Demo completed',
    z.strictObject({
      agents: count('delegations in the play'),
      asExpected: count('that ended as they should'),
      unexpected: z.array(z.string()).describe('the agents of the others'),
      timedOut: z.boolean().describe('the demo gave up at its limit'),
      durationMs: milliseconds('from the start'),
    }),
  ),
} as const;
