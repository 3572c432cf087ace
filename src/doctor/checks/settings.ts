import { check, type Observed } from '../check.ts';
import type { Profile } from '../expected/rights.ts';
import { heldNeeds } from '../held-needs.ts';
import { profileOf } from '../needs.ts';
import { type Hurt, hurts } from '../setting-rules.ts';
import { settingsStatement } from '../statements/settings.ts';

type Fault = Hurt['fault'];

/** Where `role` is null, as a session of the role that asks begins with it. */
interface Setting {
  readonly name: string;
  readonly value: string;
  readonly role: string | null;
}

export const settings = check({
  name: 'settings',
  about:
    'Settings of the server, the database and the role that hurt: time limits, isolation, read-only, triggers switched off, durability, digits. Also those of other roles that write delegations, by ALTER ROLE. A role that only reads may be read-only and have short time limits.',
  faults: {
    timeout: {
      severity: 'problem',
      when: 'A time limit is so short that heartbeats, beats or batches fail under ordinary load',
      remedy:
        'Raise it, or `ALTER ROLE {role} RESET {name};` (`ALTER DATABASE ... RESET {name};` where the database sets it). The programs have limits of their own.',
    },
    isolation: {
      severity: 'problem',
      when: 'default_transaction_isolation is above read committed, so that agents get serialization failures',
      remedy: '`ALTER ROLE {role} RESET default_transaction_isolation;`, or the same for the database.',
    },
    read_only: {
      severity: 'problem',
      when: 'default_transaction_read_only is on',
      remedy: '`ALTER ROLE {role} RESET default_transaction_read_only;`, or the same for the database.',
    },
    triggers_off: {
      severity: 'problem',
      when: 'session_replication_role is replica, so that the guard and the symmetry of the ledger do not hold for these sessions',
      remedy: '`ALTER ROLE {role} RESET session_replication_role;`',
    },
    not_durable: {
      severity: 'problem',
      when: 'fsync or full_page_writes is off: a crash may corrupt the ledger',
      remedy: '`ALTER SYSTEM RESET {name};`, then reload or restart the server.',
    },
    asynchronous: {
      severity: 'advice',
      when: 'synchronous_commit is off: a crash may lose results that were confirmed',
      remedy:
        '`ALTER SYSTEM RESET synchronous_commit;`, or for the role: `ALTER ROLE {role} RESET synchronous_commit;`',
    },
    digits: {
      severity: 'advice',
      when: 'extra_float_digits is below 1, so that fractions are cut in SQL of your own',
      remedy: '`ALTER ROLE {role} RESET extra_float_digits;`',
    },
    deferred_cleanup: {
      severity: 'advice',
      when: 'vacuum_defer_cleanup_age is above 0: dead rows are kept, which every sweep reads',
      remedy: '`ALTER SYSTEM RESET vacuum_defer_cleanup_age;`, and use hot_standby_feedback or a slot for standbys.',
    },
  },
  read: async (subject) => {
    const { tables, options } = subject;
    const held = await subject.catalogue((db) => heldNeeds(db, options));
    const found = await settingsStatement().run(subject.db, {
      names: [...hurts.keys()],
      delegations: tables.delegations,
    });
    return { profile: profileOf(held), found };
  },
  judge: judgeSettings,
});

/** Safeguards of a role that only reads. */
const harmlessToReaders: readonly Fault[] = ['read_only', 'timeout'];

export interface SettingsReading {
  /** Of the role that asks. */
  readonly profile: Profile;
  readonly found: readonly Setting[];
}

/** Pure: which of these settings hurt. */
export function judgeSettings({ profile, found }: SettingsReading): readonly Observed<Fault>[] {
  return found.flatMap(({ name, value, role }): Observed<Fault>[] => {
    const hurt = hurts.get(name);
    const why = hurt?.why(value) ?? null;
    if (hurt === undefined || why === null) return [];
    if (role === null && profile === 'reader' && harmlessToReaders.includes(hurt.fault)) return [];
    const whose = role === null ? '' : ` for the role ${role}`;
    const names = { name, role: role ?? 'CURRENT_USER' };
    return [{ fault: hurt.fault, what: `${name}${whose} ${why}`, how: `${name} = ${value}${whose}`, names }];
  });
}
