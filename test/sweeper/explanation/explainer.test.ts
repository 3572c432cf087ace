import { describe, expect, test } from '@jest/globals';
import { Explainer, type ExplainerOptions } from '../../../src/sweeper/explanation/explainer.ts';
import { OperatorHolds } from '../../../src/sweeper/hold/operator-holds.ts';
import { seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

function explainer(options: Partial<ExplainerOptions> = {}): Explainer {
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  return new Explainer(database.db, { sweeper: sweeperDefaults, cron, onTime: true, ...options });
}

async function explained(id: string, options: Partial<ExplainerOptions> = {}) {
  const explanation = await explainer(options).explain(id);
  if (explanation === null) throw new Error(`${id} is unknown`);
  return explanation;
}

/** A daemon that has just left a beat. */
async function beatNow(stuckAfterMs = 600_000): Promise<void> {
  await database.query(
    `INSERT INTO sweeper_daemons VALUES ('daemon', $1, clock_timestamp())
    ON CONFLICT (daemon_id) DO UPDATE SET beat_at = clock_timestamp()`,
    [stuckAfterMs],
  );
  await database.query(
    'UPDATE sweeper_state SET stuck_after_ms = $1, beat_at = clock_timestamp(), swept_at = clock_timestamp()',
    [stuckAfterMs],
  );
  await database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [stuckAfterMs]);
}

const closeTo = (ms: number) => ({
  asymmetricMatch: (value: unknown) => typeof value === 'number' && value >= ms && value < ms + 9_000,
});

describe('a delegation in progress', () => {
  test('that is heard: when it comes due, and that the sweep on time marks it', async () => {
    await beatNow();
    await testSweeper(database.db).sweeper.sweep(manual);
    const id = await seedDelegation(database, { silentSeconds: 40 });
    const { why, next, verdict, nextSweep, ending, delegation } = await explained(id);
    expect(verdict).toMatchObject({
      rule: null,
      silence: {
        heardBy: 'entry',
        wallMs: closeTo(40_000),
        observedMs: closeTo(40_000),
        notCounted: [],
        threshold: { ms: 600_000, source: 'stuck_after', lowered: null },
      },
      waiting: null,
      progress: null,
      poisoned: null,
      lockedBy: null,
    });
    expect(verdict!.due.map(({ rule, isPassed }) => [rule, isPassed])).toEqual([
      ['stale', false],
      ['overdue', false],
    ]);
    const [stale] = verdict!.due;
    expect(Date.parse(stale!.at) - Date.parse(delegation.lastHeartbeat!)).toBe(600_000);
    expect(nextSweep).toMatchObject({
      actionNow: 'nothing',
      action: 'mark_stuck',
      by: 'on_time',
      at: stale!.at,
      daemons: 1,
      isSweeping: true,
    });
    expect(ending).toBeNull();
    expect(why).toMatch(
      /^in progress: last heard 4\d s ago \(it began, [-:\d ]+ UTC\), and 10 min is allowed \(STUCK_AFTER\)\.$/,
    );
    expect(next).toMatch(/^Unless it is heard, the sweep at [-:\d ]+ UTC \(in 9 min \d+ s\) marks it stuck\.$/);
  });

  test('is found on the next tick where sweeps on time are off', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 40 });
    const { verdict, nextSweep } = await explained(id, { onTime: false });
    expect(nextSweep).toMatchObject({ action: 'mark_stuck', by: 'tick' });
    const afterMs = Date.parse(nextSweep!.at!) - Date.parse(verdict!.due[0]!.at);
    expect(afterMs).toBeGreaterThan(0);
    expect(afterMs).toBeLessThanOrEqual(60_000);
    expect(nextSweep!.at).toMatch(/:00\.000Z$/);
  });

  test('that nobody sweeps', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const { next, nextSweep, verdict } = await explained(id);
    expect(verdict).toMatchObject({ rule: 'stale', silence: { threshold: { source: 'configuration' } } });
    expect(nextSweep).toMatchObject({
      actionNow: 'mark_stuck',
      at: null,
      daemons: 0,
      isSweeping: false,
      sweptAt: null,
    });
    expect(next).toMatch(
      /^Nothing: nobody sweeps\. No daemon is running on this ledger, and no sweep has ever completed; start one/,
    );
  });

  test('whose silence a gap and an outage that goes on do not count towards', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 1_500 });
    await database.query(
      `INSERT INTO sweeper_gaps VALUES (clock_timestamp() - interval '1200 s', clock_timestamp() - interval '500 s', 'unwatched')`,
    );
    await database.query(`UPDATE sweeper_state SET beat_at = clock_timestamp() - interval '300 s'`);
    const { why, verdict } = await explained(id);
    expect(verdict!.silence).toMatchObject({
      wallMs: closeTo(1_500_000),
      observedMs: closeTo(500_000),
      notCounted: [
        { kind: 'unwatched', isOpen: false, ms: 700_000 },
        { kind: 'unwatched', isOpen: true, ms: closeTo(300_000) },
      ],
    });
    expect(verdict!.rule).toBeNull();
    expect(why).toMatch(/; 16 min 4\d s of that does not count, and 10 min is allowed/);
  });

  test('in a database that went back in time has its whole threshold anew', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 5_000 });
    await database.query(
      `INSERT INTO sweeper_gaps VALUES (clock_timestamp() - interval '900 s', clock_timestamp() - interval '100 s', 'rewound')`,
    );
    const { verdict } = await explained(id);
    expect(verdict).toMatchObject({
      rule: null,
      silence: { observedMs: closeTo(100_000), notCounted: [{ kind: 'rewound', ms: closeTo(4_900_000) }] },
    });
  });

  test('whose threshold was lowered is judged by the one of before, until it is heard', async () => {
    await beatNow();
    const [before, after] = [
      await seedDelegation(database, { silentSeconds: 900 }),
      await seedDelegation(database, { silentSeconds: 300 }),
    ];
    await database.query(`INSERT INTO sweeper_lowerings VALUES (clock_timestamp() - interval '600 s', 1800000)`);
    const { why, verdict } = await explained(before);
    expect(verdict).toMatchObject({
      rule: null,
      silence: {
        threshold: { ms: 1_800_000, source: 'stuck_after_lowered', lowered: { at: expect.any(String), toMs: 600_000 } },
      },
    });
    expect(why).toContain('30 min is allowed (STUCK_AFTER of before it was lowered)');
    expect((await explained(after)).verdict!.silence!.threshold).toEqual({
      ms: 600_000,
      source: 'stuck_after',
      lowered: null,
    });
  });

  test('with a threshold of its own, that was lowered, too', async () => {
    await beatNow();
    const id = await seedSpecial(database, { stuckAfterMs: 120_000, silentSeconds: 60 });
    expect((await explained(id)).verdict!.silence!.threshold).toEqual({ ms: 120_000, source: 'own', lowered: null });
    await testLedger(database.db).ledger.adjust(id, { stuckAfterMs: 5_000 });
    const { verdict, timeline } = await explained(id);
    expect(verdict).toMatchObject({
      rule: null,
      silence: { threshold: { ms: 120_000, source: 'own_lowered', lowered: { toMs: 5_000 } } },
    });
    expect(timeline.first.at(-1)).toMatchObject({ event: 'delegation.adjusted', sinceBeforeMs: expect.any(Number) });
  });

  test('that waits, and whose wait has passed', async () => {
    await beatNow();
    const waiting = await seedSpecial(database, { silentSeconds: 5_000, waitingForSeconds: 300 });
    const over = await seedSpecial(database, { silentSeconds: 5_000, waitingForSeconds: -100 });
    const first = await explained(waiting);
    expect(first.verdict).toMatchObject({
      rule: null,
      waiting: { reason: 'a person', isOver: false },
      silence: { heardBy: 'end_of_wait', wallMs: 0, observedMs: 0 },
    });
    expect(first.why).toMatch(/^waiting since .* UTC for: a person; until .* UTC its silence is allowed\.$/);
    expect(first.nextSweep).toMatchObject({ actionNow: 'nothing', action: 'mark_stuck' });
    const second = await explained(over);
    expect(second.verdict).toMatchObject({
      waiting: { isOver: true },
      silence: { heardBy: 'end_of_wait', observedMs: closeTo(100_000) },
    });
  });

  test('without progress: the observed time without, and that a heartbeat after it came due proves that it is connected', async () => {
    await beatNow();
    const id = await seedSpecial(database, { stalledAfterMs: 60_000, progressSeconds: 200, enteredSeconds: 400 });
    const { why, verdict, nextSweep } = await explained(id);
    expect(verdict).toMatchObject({
      rule: 'stalled',
      progress: { text: 'step', observedMs: closeTo(200_000), stalledAfterMs: 60_000 },
    });
    expect(nextSweep).toMatchObject({ actionNow: 'mark_stuck', budget: { ahead: 0, allowed: 100_000 } });
    expect(why).toMatch(/^in progress, but without progress for 3 min 2\d s, and 1 min is allowed; it was last heard/);
  });

  test('that was heard by a heartbeat, and by a resume', async () => {
    await beatNow();
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 1 });
    await ledger.insert({ delegationId: 'd', callerId: 'a', calleeId: 'b', taskPreview: 'secret task' });
    await ledger.setStatus('d', 'in_progress');
    expect((await explained('d')).verdict!.silence!.heardBy).toBe('entry');
    await database.query(`SELECT pg_sleep(0.005)`);
    await ledger.heartbeat('d');
    expect((await explained('d')).verdict!.silence!.heardBy).toBe('heartbeat');
    await ledger.wait('d', { untilMs: 60_000, reason: 'a person' });
    await ledger.resume('d');
    expect((await explained('d')).verdict!.silence!.heardBy).toBe('resume');
  });
});

describe('a sweep', () => {
  test('is held by the storm guard: since when, until when at the latest, and by what it counts', async () => {
    await beatNow();
    const ids: string[] = [];
    for (let row = 0; row < 4; row += 1)
      ids.push(await seedDelegation(database, { silentSeconds: 700, calleeId: `callee-${row % 2}` }));
    const sweeper = { ...sweeperDefaults, storm: { minStale: 3, ratio: 0.5, maxHoldMs: 1_800_000 } };
    const before = await explained(ids[0]!, { sweeper });
    expect(before.nextSweep).toMatchObject({
      actionNow: 'hold',
      storm: { state: 'calm', signs: { stale: 4, silent: 4, inFlight: 4 } },
    });
    await testSweeper(database.db, sweeper).sweeper.sweep(manual);
    const { next, nextSweep } = await explained(ids[0]!, { sweeper });
    expect(nextSweep).toMatchObject({ actionNow: 'hold', by: 'tick', storm: { state: 'held', signs: { stale: 4 } } });
    expect(Date.parse(nextSweep!.storm.until!) - Date.parse(nextSweep!.storm.since!)).toBe(1_800_000);
    expect(next).toMatch(/^Nothing for now: the storm guard holds/);
  });

  test('is held by an operator: who, why and until when; deadlines go on', async () => {
    await beatNow();
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const heard = await seedDelegation(database);
    const overdue = await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    await new OperatorHolds(database.db).hold({ forMs: 3_600_000, reason: 'network maintenance', by: 'ada' });
    const { next, nextSweep } = await explained(silent);
    expect(nextSweep).toMatchObject({
      actionNow: 'hold',
      by: 'tick',
      hold: { by: 'ada', reason: 'network maintenance', since: expect.any(String), until: expect.any(String) },
    });
    expect(next).toMatch(
      /^Nothing for now: ada holds the sweep until [-:\d ]+ UTC \(network maintenance\)\. Deadlines go on\.$/,
    );
    expect((await explained(heard)).nextSweep).toMatchObject({ actionNow: 'nothing', action: 'hold' });
    expect((await explained(overdue)).nextSweep!.actionNow).toBe('fail');
  });

  test('is over its budget: how many come before, and how many it takes', async () => {
    await beatNow();
    const ids: string[] = [];
    for (let row = 0; row < 4; row += 1) ids.push(await seedDelegation(database, { silentSeconds: 9_000 - row * 600 }));
    const sweeper = { ...sweeperDefaults, rowsMax: 2 };
    const actions = await Promise.all(ids.map(async (id) => (await explained(id, { sweeper })).nextSweep));
    expect(actions.map((next) => [next!.actionNow, next!.budget])).toEqual([
      ['mark_stuck', { ahead: 0, allowed: 2 }],
      ['mark_stuck', { ahead: 1, allowed: 2 }],
      ['leave_for_budget', { ahead: 2, allowed: 2 }],
      ['leave_for_budget', { ahead: 2, allowed: 2 }],
    ]);
  });

  test('cannot take a row that another session has locked, and says which session', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const locker = await database.connect();
    await locker.query(`SET application_name = 'locker'`);
    await locker.query('BEGIN');
    await locker.query('UPDATE delegations SET updated_at = updated_at WHERE delegation_id = $1', [id]);
    const [{ pid }] = (await locker.query('SELECT pg_backend_pid() AS pid')).rows;
    const { next, verdict, nextSweep } = await explained(id);
    expect(verdict!.lockedBy).toMatchObject({ pid, applicationName: 'locker', state: 'idle in transaction' });
    expect(nextSweep!.actionNow).toBe('leave_locked');
    expect(next).toContain(`the database session ${pid} (locker) has locked its row`);
    await locker.query('ROLLBACK');
    expect((await explained(id)).verdict!.lockedBy).toBeNull();
  });

  test('was refused by the database', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 700 });
    await database.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
    );
    await database.query('CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()');
    await testSweeper(database.db).sweeper.sweep(manual);
    const { next, verdict, nextSweep } = await explained(id);
    expect(verdict).toMatchObject({ rule: 'stale', poisoned: { loggedAt: expect.any(String) } });
    expect(nextSweep!.actionNow).toBe('try_again');
    expect(next).toMatch(/^The database refused its mark; the event sweep\.poisoned, logged at/);
  });

  test('asks an agent first, unless it may not be asked', async () => {
    await beatNow();
    const [asked, refused] = [
      await seedDelegation(database, { silentSeconds: 700 }),
      await seedDelegation(database, { silentSeconds: 700 }),
    ];
    await mapTask(database, asked, { agentUrl: 'http://user:secret@good.test/rpc?token=secret' });
    await mapTask(database, refused, { agentUrl: 'http://bad.test/rpc' });
    const probe = new ScriptedProbe(
      () => ({ seen: { step: 'in_progress' }, fingerprint: 'f' }),
      (url) => (url.includes('bad') ? 'not_in_allow_list' : null),
    );
    const sweeper = { ...sweeperDefaults, probe: probe.options() };
    const explanation = await explained(asked, { sweeper });
    expect(JSON.stringify(explanation)).not.toContain('secret');
    expect(explanation).toMatchObject({
      nextSweep: { actionNow: 'ask_agent' },
      a2aTask: {
        agentUrl: 'http://good.test/rpc',
        probe: { isEnabled: true, refusal: null, lastAnswer: null, asksAt: expect.any(String) },
      },
    });
    expect(await explained(refused, { sweeper })).toMatchObject({
      nextSweep: { actionNow: 'mark_stuck' },
      a2aTask: { probe: { refusal: 'not_in_allow_list', asksAt: null } },
    });
    expect(probe.asked).toEqual([]);
    await testSweeper(database.db, sweeper).sweeper.sweep(manual);
    expect((await explained(asked, { sweeper })).a2aTask!.probe.lastAnswer).toMatchObject({ outcome: 'alive' });
    expect((await explained(refused, { sweeper })).ending).toMatchObject({
      mark: { probe: { outcome: 'not_asked', reason: 'not_in_allow_list' } },
    });
    expect((await explained(asked)).a2aTask!.probe).toMatchObject({ isEnabled: false, asksAt: null });
  });
});

describe('a delegation that has ended', () => {
  test('by silence: the evidence of its mark, and the result that came late, its preview where that is asked for', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 750 });
    const { sweepId } = await testSweeper(database.db).sweeper.sweep(manual);
    const { ledger } = testLedger(database.db);
    await ledger.setStatus(id, 'completed', { resultPreview: 'secret result', actor: 'worker' });
    const explanation = await explained(id);
    expect(explanation).toMatchObject({
      verdict: null,
      nextSweep: null,
      delegation: { status: 'stuck', previews: null },
      ending: {
        status: 'stuck',
        actor: 'sweeper',
        mark: {
          sweepId,
          rule: 'stale',
          fromStatus: 'in_progress',
          latenessMs: closeTo(750_000),
          allowedMs: 600_000,
          notCounted: [],
          probe: null,
        },
        lateResults: [{ status: 'completed', actor: 'worker', afterMs: expect.any(Number), resultPreview: null }],
        lateResultsCutShort: false,
        retriedAs: null,
      },
    });
    expect(explanation.why).toMatch(
      /^stuck since [-:\d ]+ UTC: it was not heard for 12 min 3\d s, and 10 min was allowed \(STUCK_AFTER\); a result \(completed\) came .* after that\.$/,
    );
    expect(explanation.next).toBe('Nothing: an end is final. Its result came late: the timeline has it.');
    expect(JSON.stringify(explanation)).not.toContain('secret');
    const shown = await explainer().explain(id, { previews: true });
    expect(shown).toMatchObject({
      ending: { lateResults: [{ resultPreview: 'secret result' }] },
      delegation: { previews: { task: 'task' } },
    });
  });

  test('by silence that a gap was not counted towards', async () => {
    await beatNow();
    const id = await seedDelegation(database, { silentSeconds: 1_500 });
    await database.query(
      `INSERT INTO sweeper_gaps VALUES (clock_timestamp() - interval '1200 s', clock_timestamp() - interval '500 s', 'clock_jump')`,
    );
    await testSweeper(database.db).sweeper.sweep(manual);
    const { why, ending } = await explained(id);
    expect(ending!.mark).toMatchObject({ notCounted: [{ kind: 'clock_jump', ms: 700_000, isOpen: false }] });
    expect(why).toContain('(11 min 40 s of it, which no daemon observed, did not count)');
  });

  test('by its deadline, by lack of progress, by its agent, and by nobody who is known', async () => {
    await beatNow();
    const late = await seedDelegation(database, { status: 'queued', deadlineSeconds: -30 });
    const stalled = await seedSpecial(database, { stalledAfterMs: 60_000, progressSeconds: 200, enteredSeconds: 400 });
    await testSweeper(database.db).sweeper.sweep(manual);
    expect((await explained(late)).why).toMatch(
      /^failed since [-:\d ]+ UTC: its deadline, [-:\d ]+ UTC, had passed 3\d s before\.$/,
    );
    expect(await explained(stalled)).toMatchObject({
      why: expect.stringMatching(
        /^stuck since [-:\d ]+ UTC: it was heard, but made no progress for 3 min 2\d s, and 1 min was allowed\.$/,
      ),
      ending: { mark: { rule: 'stalled', allowedMs: 60_000, progress: 'step', progressAt: expect.any(String) } },
    });
    const { ledger } = testLedger(database.db);
    await ledger.insert({ delegationId: 'done', callerId: 'a', calleeId: 'b', taskPreview: 'x' });
    await ledger.setStatus('done', 'dispatched');
    await ledger.setStatus('done', 'completed', { actor: 'worker-7' });
    expect(await explained('done')).toMatchObject({
      why: expect.stringMatching(/^completed since [-:\d ]+ UTC: worker-7 said so\.$/),
      next: 'Nothing: an end is final.',
      ending: { actor: 'worker-7', mark: null },
    });
  });
});

describe('the timeline', () => {
  test('of a long history has its beginning and its end, and how many are left out between them', async () => {
    const id = await seedDelegation(database);
    await database.query(
      `INSERT INTO activity_logs (delegation_id, event, actor, detail, created_at)
       SELECT $1, 'delegation.adjusted', 'test', jsonb_build_object('n', n), statement_timestamp() + n * interval '1 minute' FROM generate_series(1, 100) n`,
      [id],
    );
    const { timeline } = await explained(id);
    const { first, leftOut, leftOutIsCapped, last } = timeline;
    expect([first.length, leftOut, leftOutIsCapped, last.length]).toEqual([20, 51, false, 30]);
    expect([first[0]!.sinceBeforeMs, first[2]!.sinceBeforeMs, last[0]!.sinceBeforeMs]).toEqual([null, 60_000, 60_000]);
    expect([first[1]!.detail, last[0]!.detail, last.at(-1)!.detail]).toEqual([{ n: 1 }, { n: 71 }, { n: 100 }]);
  });

  test('has no bodies and no previews, and leaves a huge detail out', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.insert({
      delegationId: 'd',
      callerId: 'a',
      calleeId: 'b',
      taskPreview: 'secret',
      requestBody: { secret: 1 },
    });
    await ledger.setStatus('d', 'failed', { errorDetail: 'secret', responseBody: { secret: 2 } });
    await database.query(`INSERT INTO activity_logs (delegation_id, event, actor, detail)
      SELECT 'd', 'delegation.adjusted', 'test', jsonb_build_object('x', string_agg(md5(n::text), '')) FROM generate_series(1, 2000) n`);
    const explanation = await explained('d');
    expect(JSON.stringify(explanation)).not.toContain('secret');
    expect(explanation.timeline.first).toMatchObject([
      { event: 'delegation.queued', hasRequestBody: true, hasResponseBody: false },
      { event: 'delegation.failed', detail: {}, hasResponseBody: true },
      { detail: null },
    ]);
    const shown = await explainer().explain('d', { previews: true });
    expect(shown!.timeline.first[1]!.detail).toEqual({ errorDetail: 'secret' });
    expect(shown!.delegation.previews).toEqual({ task: 'secret', result: null, errorDetail: 'secret' });
  });
});

describe('the attempts', () => {
  test('are listed in their order, from any of them; what a sweep would try again is said', async () => {
    await beatNow();
    const { ledger } = testLedger(database.db);
    const first = await seedDelegation(database, { delegationId: 'first', silentSeconds: 700 });
    const sweeper = { ...sweeperDefaults, retriesMax: 1 };
    expect((await explained(first)).nextSweep!.isRetried).toBe(false);
    const before = await explained(first, { sweeper });
    expect(before.nextSweep).toMatchObject({ actionNow: 'mark_stuck', isRetried: true });
    expect(before.next).toMatch(/ marks it stuck and tries it again\.$/);
    expect(before.attempts).toMatchObject([{ delegationId: 'first', attempt: 1, isThis: true }]);
    await testSweeper(database.db, sweeper).sweeper.sweep(manual);
    const { attempts, ending, why, next } = await explained(first, { sweeper });
    const second = ending!.retriedAs!;
    expect(attempts).toMatchObject([
      { delegationId: 'first', attempt: 1, retryOf: null, status: 'stuck', isThis: true, startAfter: null },
      {
        delegationId: second,
        attempt: 2,
        retryOf: 'first',
        status: 'queued',
        isThis: false,
        startAfter: expect.any(String),
      },
    ]);
    expect(why).toContain(`; it is tried again as ${second}`);
    expect(next).toBe('Nothing: an end is final.');
    await ledger.setStatus(second, 'failed');
    await ledger.retry(second, { delegationId: 'third' });
    const third = await explained('third');
    expect(third.attempts.map(({ delegationId, isThis }) => [delegationId, isThis])).toEqual([
      ['first', false],
      [second, false],
      ['third', true],
    ]);
    expect(third.delegation).toMatchObject({ retryOf: second, attempt: 3 });
  });
});
