import { CronExpressionParser } from 'cron-parser';
import { textValue } from './value.ts';

/** Judged by the parser that pg-boss itself uses, with its options, so that what passes here is scheduled. */
export const cron = textValue(
  'a cron expression of five fields (minute, hour, day of month, month, day of week), such as */5 * * * *',
  (text) => {
    const fields = text.trim().split(/\s+/).length;
    if (fields === 6) return 'six fields, but a tick is a minute: seconds would be ignored';
    if (fields !== 5) return '';
    // cron-parser draws H anew at each reading, so that the schedule would never be the same twice.
    if (/\bH\b/i.test(text)) return 'H is drawn at random at each reading';
    try {
      CronExpressionParser.parse(text, { tz: 'UTC', strict: false }).next();
      return null;
    } catch (err) {
      return (err as Error).message;
    }
  },
);

export const timeZone = textValue('an IANA time zone, such as UTC or Europe/Berlin', (text) => {
  // Intl also takes offsets such as +02:00, which the cron parser does not.
  if (/^[+-]/.test(text)) return 'an offset is not a zone';
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return null;
  } catch {
    return '';
  }
});
