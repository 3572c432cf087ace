const DAY_MS = 86_400_000;
/** Date.parse takes much that is no date. */
const HTTP_DATE = /^[A-Z][a-z]{2}, .* GMT$/;

/** What a Retry-After says, as seconds or as a date, at most a day; null where it says nothing that is understood. */
export function retryAfterMs(text: string | undefined, now = Date.now()): number | null {
  if (text === undefined) return null;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now : Number.NaN;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), DAY_MS);
}
