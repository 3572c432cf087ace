/** A setting that may hurt. */
export interface Hurt {
  readonly fault:
    | 'timeout'
    | 'isolation'
    | 'read_only'
    | 'triggers_off'
    | 'not_durable'
    | 'asynchronous'
    | 'digits'
    | 'deferred_cleanup';
  /** What is wrong with this value, after the setting's name; null: nothing. */
  why(value: string): string | null;
}

const units: readonly (readonly [RegExp, number])[] = [
  [/^(\d+)(?:ms)?$/, 1],
  [/^(\d+)s$/, 1_000],
  [/^(\d+)min$/, 60_000],
  [/^(\d+)h$/, 3_600_000],
  [/^(\d+)d$/, 86_400_000],
];

/** The milliseconds of a setting that the server keeps in them; null where it is not understood. 0: no limit. */
export function msOf(value: string): number | null {
  for (const [form, ms] of units) {
    const [, number] = form.exec(value.replaceAll(' ', '')) ?? [];
    if (number !== undefined) return Number(number) * ms;
  }
  return null;
}

const shorterThan = (minMs: number, what: string): Hurt => ({
  fault: 'timeout',
  why(value) {
    const ms = msOf(value);
    return ms !== null && ms > 0 && ms < minMs ? `is ${ms} ms, so short that ${what} under ordinary load` : null;
  },
});

const when = (fault: Hurt['fault'], values: RegExp, why: string): Hurt => ({
  fault,
  why: (value) => (values.test(value.toLowerCase()) ? why : null),
});

const isOff = /^(off|false|no|0)$/;
const isOn = /^(on|true|yes|1)$/;

/** By the setting's name. The programs set their own limits for what they do in transactions, transaction_timeout aside. */
export const hurts: ReadonlyMap<string, Hurt> = new Map<string, Hurt>([
  ['statement_timeout', shorterThan(1_000, 'heartbeats and beats fail')],
  ['lock_timeout', shorterThan(100, 'heartbeats and beats fail')],
  ['idle_in_transaction_session_timeout', shorterThan(1_000, 'transactions are ended between two statements')],
  // A batch of a sweep may take 30 s by its own limit.
  ['transaction_timeout', shorterThan(30_000, 'batches of a sweep are ended')],
  ['default_transaction_isolation', when('isolation', /^(repeatable read|serializable)$/, 'is above read committed')],
  ['default_transaction_read_only', when('read_only', isOn, 'is on: nothing can be written')],
  ['session_replication_role', when('triggers_off', /^replica$/, 'is replica: no trigger of the ledger fires')],
  ['fsync', when('not_durable', isOff, 'is off: a crash of the machine may corrupt the ledger')],
  ['full_page_writes', when('not_durable', isOff, 'is off: a crash of the machine may corrupt the ledger')],
  ['synchronous_commit', when('asynchronous', isOff, 'is off: a crash may lose results that were confirmed')],
  ['extra_float_digits', when('digits', /^(0|-\d+)$/, 'is below 1: fractions are cut')],
  ['vacuum_defer_cleanup_age', when('deferred_cleanup', /^[1-9]\d*$/, 'is above 0: dead rows are kept for longer')],
]);
