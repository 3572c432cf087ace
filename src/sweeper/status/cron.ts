import { CronExpressionParser } from 'cron-parser';

/** SWEEP_CRON in SWEEP_TZ. */
export interface Cron {
  readonly expression: string;
  readonly timezone: string;
}

/** The first occurrence after this instant. */
export function nextOccurrence(cron: Cron, after: Date): Date {
  return parsed(cron, after).next().toDate();
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
