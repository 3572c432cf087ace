import { brought, type Case, fromNow, HOUR_MS, insert, type Step, setStatus } from '../case.ts';
import { heartbeat } from './heartbeat.ts';

const AWKWARD = `O'Neil \\ "quoted" \\n %s $1 :name {NULL} ← ünï 🙂\n\ttab`;
/** What models write, and what becomes of it. */
const BROKEN = 'nul \0, lone \ud83d and \udc00.';
const MENDED = 'nul \ufffd, lone \ufffd and \ufffd.';

const only = (step: Step): Step => ({ ...step, only: 'library' }) as Step;

export const textCases: readonly Case[] = [
  {
    title: 'any text is stored unchanged, whatever a client must quote in it',
    steps: [
      insert('a', { taskPreview: AWKWARD, idempotencyKey: `'";--`, requestBody: { json: { [AWKWARD]: AWKWARD } } }),
      setStatus('a', 'in_progress', { outcome: 'changed' }, { actor: `'"\\%s` }),
      heartbeat('a', { outcome: 'stamped' }, { progress: `50 % of 'all'` }),
      setStatus('a', 'failed', { outcome: 'changed' }, { errorDetail: AWKWARD, responseBody: { json: AWKWARD } }),
    ],
    rows: {
      a: { is: { task_preview: AWKWARD, error_detail: AWKWARD, idempotency_key: `'";--`, progress: `50 % of 'all'` } },
    },
    activity: {
      a: [
        { event: 'delegation.queued', request_body: { [AWKWARD]: AWKWARD } },
        { event: 'delegation.in_progress', actor: `'"\\%s` },
        { event: 'delegation.failed', detail: { errorDetail: AWKWARD }, response_body: AWKWARD },
      ],
    },
  },
  {
    title: 'the replacement character is a character like any other',
    steps: [
      insert('a', { taskPreview: MENDED, requestBody: { json: { text: MENDED } } }),
      ...brought('b', 'in_progress'),
      setStatus('b', 'completed', { outcome: 'changed' }, { resultPreview: MENDED, responseBody: { json: [MENDED] } }),
    ],
    rows: { a: { is: { task_preview: MENDED } }, b: { is: { result_preview: MENDED } } },
    activity: { a: [{ event: 'delegation.queued', request_body: { text: MENDED } }] },
  },
  {
    title: 'a NUL and a lone surrogate become the replacement character, where a client can send them',
    steps: [
      insert('a'),
      only(insert('b', { taskPreview: BROKEN, requestBody: { json: { [BROKEN]: BROKEN } } })),
      only(setStatus('b', 'in_progress', { outcome: 'changed' })),
      only(heartbeat('b', { outcome: 'stamped' }, { progress: BROKEN })),
      only({
        call: 'wait',
        with: { delegationId: 'b', until: fromNow(HOUR_MS), reason: BROKEN },
        answers: { outcome: 'waiting' },
      }),
      { byOwner: `UPDATE delegations SET callee_id = progress || waiting_reason WHERE delegation_id = 'b'` },
      only(
        setStatus(
          'b',
          'completed',
          { outcome: 'changed' },
          { resultPreview: BROKEN, responseBody: { json: [BROKEN] } },
        ),
      ),
      {
        byOwner: `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview)
          SELECT 'same', 'a', coalesce(max(callee_id), '${MENDED}${MENDED}'),
            coalesce(max(task_preview || result_preview), '${MENDED}${MENDED}')
          FROM delegations WHERE delegation_id = 'b'`,
      },
    ],
    rows: { same: { is: { callee_id: MENDED + MENDED, task_preview: MENDED + MENDED } } },
  },
  {
    title: 'a preview is cut to 4096 bytes, and never inside a code point',
    steps: [
      insert('ascii', { taskPreview: 'x'.repeat(5000) }),
      insert('two', { taskPreview: `x${'ü'.repeat(2500)}` }),
      insert('three', { taskPreview: '€'.repeat(1500) }),
      insert('four', { taskPreview: `xyz${'🙂'.repeat(1100)}` }),
      insert('fits', { taskPreview: 'ü'.repeat(2048) }),
      insert('empty', { taskPreview: '' }),
      ...brought('failed', 'in_progress'),
      setStatus('failed', 'failed', { outcome: 'changed' }, { errorDetail: '€'.repeat(1500) }),
      ...brought('completed', 'in_progress'),
      setStatus('completed', 'completed', { outcome: 'changed' }, { resultPreview: '🙂'.repeat(1100) }),
      // What is cut alike is the same result.
      setStatus('completed', 'completed', { outcome: 'unchanged' }, { resultPreview: '🙂'.repeat(1200) }),
    ],
    rows: {
      ascii: { is: { task_preview: 'x'.repeat(4096) } },
      two: { is: { task_preview: `x${'ü'.repeat(2047)}` } },
      three: { is: { task_preview: '€'.repeat(1365) } },
      four: { is: { task_preview: `xyz${'🙂'.repeat(1023)}` } },
      fits: { is: { task_preview: 'ü'.repeat(2048) } },
      empty: { is: { task_preview: '' } },
      failed: { is: { error_detail: '€'.repeat(1365) } },
      completed: { is: { result_preview: '🙂'.repeat(1024) } },
    },
    activity: {
      completed: [
        { event: 'delegation.queued' },
        { event: 'delegation.in_progress' },
        { event: 'delegation.completed', detail: { resultPreview: '🙂'.repeat(1024) } },
      ],
    },
  },
];
