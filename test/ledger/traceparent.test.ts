import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
afterAll(() => context.disable());

const SPAN = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };

async function recorded(traceparent?: string): Promise<string | null | undefined> {
  const { ledger } = testLedger(database.db);
  const delegation = { delegationId: randomUUID(), callerId: 'a', calleeId: 'b', taskPreview: 'c' };
  expect(await ledger.insert({ ...delegation, traceparent })).toMatchObject({ outcome: 'inserted' });
  return (await ledger.get(delegation.delegationId))?.traceparent;
}

describe('the trace context of an insert', () => {
  test('is none where the process has no OpenTelemetry', async () => {
    expect(await recorded()).toBeNull();
  });

  test('is that of the active span, as the API of OpenTelemetry has it', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(await recorded()).toBeNull();
    await context.with(trace.setSpanContext(context.active(), SPAN), async () => {
      expect(await recorded()).toBe(`00-${SPAN.traceId}-${SPAN.spanId}-01`);
      expect(await recorded(`00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`)).toBe(
        `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`,
      );
    });
    const invalid = { ...SPAN, traceId: '0'.repeat(32) };
    await context.with(trace.setSpanContext(context.active(), invalid), async () => {
      expect(await recorded()).toBeNull();
    });
  });
});
