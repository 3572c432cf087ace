import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type ZodObject, z } from 'zod';
import type { CatalogueEvent } from '../../src/log/catalogue/event.ts';
import { catalogue, type EventName } from '../../src/log/catalogue.ts';
import { createEventLog } from '../../src/log/event-log.ts';
import { createLogger } from '../../src/log/logger.ts';
import { samples } from './samples.ts';

const names = Object.keys(catalogue) as EventName[];
const entries: Record<string, CatalogueEvent> = catalogue;
const everyLine = ['level', 'time', 'service', 'event', 'message'];

function emitted<E extends EventName>(event: E, fields = samples[event]): Record<string, unknown> {
  const lines: string[] = [];
  createEventLog(createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } })).emit(
    event,
    fields,
  );
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

describe.each(names)('%s', (name) => {
  const { level, message, fields } = entries[name]!;

  test('has a message of one line and a documented meaning for every field', () => {
    expect(message).toMatch(/^\S.*[^.\s]$/);
    expect(Object.keys(fields.shape)).not.toHaveLength(0);
    for (const [field, schema] of Object.entries(fields.shape)) {
      expect({ field, meaning: describedBy(schema) }).toEqual({ field, meaning: expect.stringMatching(/./) });
      expect(everyLine).not.toContain(field);
    }
  });

  test('is one line with its level, its message and exactly the fields of the catalogue', () => {
    const { level: lineLevel, time, service, event, message: lineMessage, ...rest } = emitted(name);
    expect({ lineLevel, service, event, lineMessage }).toEqual({
      lineLevel: level,
      service: 'delegation-sweeper',
      event: name,
      lineMessage: message,
    });
    expect(z.iso.datetime().safeParse(time).success).toBe(true);
    expect(() => fields.parse(rest)).not.toThrow();
    expect(rest).toEqual(samples[name]);
  });
});

test('one field too many or too few does not match the catalogue', () => {
  const fields: ZodObject = catalogue['sweep.superseded'].fields;
  expect(fields.safeParse({ sweepId: 's', bySweepId: 't', more: 1 }).success).toBe(false);
  expect(fields.safeParse({ sweepId: 's' }).success).toBe(false);
});

test('a missing value is null', () => {
  const err = { code: null, message: 'boom' };
  expect(emitted('pgboss.error', { err }).err).toEqual(err);
  const line = emitted('daemon.stopping', { signal: null });
  expect(line.signal).toBeNull();
});

test("a library user's own pino accepts the events, in its own format", () => {
  const lines: string[] = [];
  const own = pino({ name: 'orchestrator' }, { write: (line: string) => lines.push(line) });
  createEventLog(own).emit('ledger.row_missing', { delegationId: 'd-1' });
  expect(JSON.parse(lines[0]!)).toMatchObject({
    name: 'orchestrator',
    level: 40,
    event: 'ledger.row_missing',
    delegationId: 'd-1',
    msg: catalogue['ledger.row_missing'].message,
  });
});

test('emit does not change the fields that it gets', () => {
  const fields = Object.freeze({ delegationId: 'd-1' });
  emitted('ledger.row_missing', fields);
  expect(fields).toEqual({ delegationId: 'd-1' });
});

function describedBy(schema: unknown): string | undefined {
  const { description } = schema as z.ZodType;
  return description ?? (schema instanceof z.ZodNullable ? describedBy(schema.unwrap()) : undefined);
}
