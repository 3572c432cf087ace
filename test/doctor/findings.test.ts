import { describe, expect, test } from '@jest/globals';
import type { DoctorOptions } from '../../src/doctor/subject.ts';
import { useDatabase } from '../support/use-database.ts';
import { damageGroups } from './damages/all.ts';
import type { Damage } from './damages/damage.ts';
import { checkNamed, findingsOf, sqlOf } from './doctor-on.ts';

const database = useDatabase({ per: 'test', replayed: false });

/** Findings of this damage alone: the tests' server has settings that hurt, too. */
async function found({ check, what }: Damage, options: Partial<DoctorOptions> = {}) {
  return (await findingsOf(database, check, options)).filter((finding) => what.test(finding.what));
}

describe.each(Object.entries(damageGroups))('a damage of %s is found, and nothing before it', (_, damages) => {
  test.each(damages)('$check: $title', async (damage) => {
    await damage.prepare?.(database);
    expect(await found(damage)).toEqual([]);
    await damage.make(database);
    const fault = checkNamed(damage.check).faults[damage.fault]!;
    const findings = await found(damage, damage.options);
    expect(findings).toEqual([
      {
        check: damage.check,
        severity: fault.severity,
        what: expect.any(String),
        how: expect.stringMatching(/./),
        remedy: expect.any(String),
      },
    ]);
    const [finding] = findings;
    expect(finding!.remedy).toMatch(pattern(fault.remedy));
    if (damage.mend === undefined) return;
    if (damage.mend === 'remedy') {
      // Each command that the finding names is one that works.
      expect(sqlOf(finding!)).not.toEqual([]);
      for (const sql of sqlOf(finding!)) await database.query(sql);
    } else await damage.mend(database);
    expect(await found(damage, damage.options)).toEqual([]);
  });
});

/** The remedy as it is documented, with something in place of each `{name}`. */
function pattern(remedy: string): RegExp {
  const parts = remedy.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^{}]+')}$`);
}
