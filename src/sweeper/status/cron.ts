import { CronExpressionParser } from 'cron-parser';

/** SWEEP_CRON in SWEEP_TZ. */
export interface Cron {
  readonly expression: string;
  readonly timezone: string;
}

/** Computing it takes a third of a millisecond, and all ledgers of a daemon ask for the same one at the same time. */
let last: { readonly cron: Cron; readonly fromMs: number; readonly nextMs: number } | undefined;

/** The first occurrence after this instant. */
export function nextOccurrence(cron: Cron, after: Date): Date {
  const afterMs = after.getTime();
  const isSame = last?.cron.expression === cron.expression && last.cron.timezone === cron.timezone;
  if (last === undefined || !isSame || afterMs < last.fromMs || afterMs >= last.nextMs) {
    last = { cron, fromMs: afterMs, nextMs: parsed(cron, after).next().getTime() };
  }
  return new Date(last.nextMs);
}

/** The occurrence that came so many before this instant; 1 is the latest. */
export function pastOccurrence(cron: Cron, before: Date, count: number): Date {
  const occurrences = parsed(cron, before);
  for (let i = 1; i < count; i += 1) occurrences.prev();
  return occurrences.prev().toDate();
}

/** With the options of pg-boss, which decides when a sweep is due. */
function parsed({ expression, timezone }: Cron, currentDate: Date) {
  return CronExpressionParser.parse(expression, { tz: timezone, strict: false, currentDate });
}
