import { quoted } from './quoted.ts';

/** Why something about other roles' sessions could not be checked, and what to do. */
export function hiddenSessions(what: string, role: string): string {
  return `${what}: PostgreSQL hides other roles' sessions from the role ${role}. To have it checked, run roles.sql with \`-v name_lock_holders=on\`, or \`GRANT pg_read_all_stats TO ${quoted(role)};\``;
}
