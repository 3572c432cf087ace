import { isAway } from '../db/sqlstate.ts';
import type { Check } from './check.ts';
import { connection } from './checks/connection.ts';
import { checks } from './checks.ts';
import type { CheckResult, Examination, Finding } from './finding.ts';
import { reasonOf } from './reason.ts';
import type { Subject } from './subject.ts';

/** Told of each check before it runs. */
export type OnCheck = (name: string) => void;

/**
 * Runs every check, one after the other; one that cannot run stops no other. Reads only. Never throws the database's error:
 * where the database is away, what is left is `not_run`.
 */
export async function examine(
  subject: Subject,
  onCheck: OnCheck = () => {},
  list: readonly Check[] = checks,
): Promise<Examination> {
  const findings: Finding[] = [];
  const results: CheckResult[] = [];
  let away: string | null = null;
  for (const check of list) {
    onCheck(check.name);
    const startedAtMs = performance.now();
    const add = (outcome: CheckResult['outcome'], reason: string | null, notes: readonly string[] = []) => {
      const durationMs = Math.round(performance.now() - startedAtMs);
      results.push({ check: check.name, outcome, reason, notes, durationMs });
    };
    if (away !== null) {
      add('not_run', away);
      continue;
    }
    try {
      const found = await check.run(subject);
      findings.push(...found.findings);
      const reason = found.unchecked.length > 0 ? found.unchecked.join('; ') : null;
      const withoutFinding = reason === null ? 'passed' : 'not_run';
      add(found.findings.length > 0 ? 'found' : withoutFinding, reason, found.notes);
      if (check === connection && found.findings.length > 0) away = 'there is no connection to the database';
    } catch (err) {
      const reason = reasonOf(err);
      add('not_run', reason);
      // Another attempt of each further check would wait for the connection as long again.
      if (isAway(err)) away = `the database is away: ${reason}`;
    }
  }
  const bySeverity = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity);
  return { reachable: away === null, findings: [...bySeverity('problem'), ...bySeverity('advice')], checks: results };
}
