import { CronExpressionParser } from 'cron-parser';
import { textValue } from './value.ts';

/** Checked by the parser that pg-boss itself uses, with the same options: what passes here can be scheduled. */
export const cron = textValue(
  'a cron expression of five fields (minute, hour, day of month, month, day of week), such as */5 * * * *',
  (text) => {
    const fields = text.trim().split(/\s+/).length;
    if (fields === 6) return 'six fields, but a tick is a minute: seconds would be ignored';
    if (fields !== 5) return '';
    // cron-parser replaces H by a random value each time it reads the text: the schedule would keep changing.
    if (/\bH\b/i.test(text)) return 'H stands for a random value, another one at each reading';
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
