/** `14:05:09`, with the date unless it is today's. */
export function instant(at: Date, now: Date): string {
  const text = at.toISOString();
  const day = text.slice(0, 10);
  return day === now.toISOString().slice(0, 10) ? text.slice(11, 19) : `${day} ${text.slice(11, 19)}`;
}
