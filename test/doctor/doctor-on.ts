import { openDatabase } from '../../src/db/database.ts';
import type { Check } from '../../src/doctor/check.ts';
import { checks } from '../../src/doctor/checks.ts';
import { examine } from '../../src/doctor/examine.ts';
import type { CheckResult, Examination, Finding } from '../../src/doctor/finding.ts';
import { type DoctorOptions, Subject } from '../../src/doctor/subject.ts';

export interface OnDatabase {
  readonly url: string;
}

/** Everything but the address, as without configuration; nothing is waited for. */
const defaults: Omit<DoctorOptions, 'url'> = {
  dbSchema: 'public',
  pgbossSchema: 'pgboss',
  cron: { expression: '* * * * *', timezone: 'UTC' },
  stuckAfterMs: 600_000,
  stuckAfterIsSet: false,
  webhookIsSet: false,
  stormMaxHoldMs: 1_800_000,
  batchRowsMax: 1000,
  retention: 'off',
  replicaConnectionsMax: 9,
  settleMs: 0,
};

export function checkNamed(name: string): Check {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) throw new Error(`there is no check ${name}`);
  return check;
}

/** Runs `work` with a subject on new connections, which the settings of the role and the database apply to. */
export async function withSubject<Result>(
  { url }: OnDatabase,
  options: Partial<DoctorOptions>,
  work: (subject: Subject) => Promise<Result>,
): Promise<Result> {
  const all: DoctorOptions = { ...defaults, url: () => url, ...options };
  await using handle = openDatabase({
    location: { url },
    max: 1,
    applicationName: 'doctor',
    queryTimeoutMs: 20_000,
    schema: all.dbSchema,
  });
  return await work(new Subject(handle.db, all));
}

export function examineOn(
  database: OnDatabase,
  options: Partial<DoctorOptions> = {},
  list: readonly Check[] = checks,
): Promise<Examination> {
  return withSubject(database, options, (subject) => examine(subject, undefined, list));
}

/** What one check says. Fails where it could not run. */
export async function findingsOf(
  database: OnDatabase,
  check: string,
  options: Partial<DoctorOptions> = {},
): Promise<readonly Finding[]> {
  const { findings, checks: results } = await examineOn(database, options, [checkNamed(check)]);
  const [result] = results as [CheckResult];
  if (result.outcome === 'not_run') throw new Error(`${check} could not run: ${result.reason}`);
  return findings;
}

/** The SQL between the backticks of a remedy. */
export function sqlOf({ remedy }: Finding): string[] {
  return [...remedy.matchAll(/`([^`]+;)`/g)].map(([, sql]) => sql!);
}
