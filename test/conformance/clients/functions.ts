import type { Answer, Method, Value } from '../case.ts';

/** A function of the schema: its first arguments by their places, the others by their names. */
interface Signature {
  readonly name: string;
  /** The library's name of each argument, and the function's. */
  readonly positional: Readonly<Record<string, string>>;
  readonly named: Readonly<Record<string, string>>;
  /** What the library says by null, and the function by a flag. */
  readonly taking?: Readonly<Record<string, string>>;
}

const signatures: Readonly<Record<Method, Signature>> = {
  insert: {
    name: 'delegation_insert',
    positional: { delegationId: 'id', callerId: 'caller', calleeId: 'callee', taskPreview: 'preview' },
    named: {
      idempotencyKey: 'idempotency_key',
      deadline: 'deadline',
      deadlineMs: 'deadline_ms',
      stuckAfterMs: 'stuck_after_ms',
      stalledAfterMs: 'stalled_after_ms',
      requestBody: 'request_body',
      traceparent: 'traceparent',
    },
  },
  setStatus: {
    name: 'delegation_set_status',
    positional: { delegationId: 'id', status: 'status' },
    named: {
      errorDetail: 'error_detail',
      resultPreview: 'result_preview',
      responseBody: 'response_body',
      actor: 'actor',
    },
  },
  heartbeat: {
    name: 'delegation_heartbeat',
    positional: { delegationId: 'id' },
    named: { progress: 'progress', minIntervalMs: 'min_interval_ms' },
  },
  wait: {
    name: 'delegation_wait',
    positional: { delegationId: 'id' },
    named: { until: 'until', untilMs: 'until_ms', reason: 'reason', actor: 'actor' },
  },
  resume: { name: 'delegation_resume', positional: { delegationId: 'id' }, named: { actor: 'actor' } },
  adjust: {
    name: 'delegation_adjust',
    positional: { delegationId: 'id' },
    named: {
      deadline: 'deadline',
      deadlineMs: 'deadline_ms',
      stuckAfterMs: 'stuck_after_ms',
      stalledAfterMs: 'stalled_after_ms',
      actor: 'actor',
    },
    taking: { stuckAfterMs: 'no_stuck_after', stalledAfterMs: 'no_stalled_after' },
  },
  retry: {
    name: 'delegation_retry',
    positional: { delegationId: 'id' },
    named: { newId: 'new_id', deadlineMs: 'deadline_ms', startAfterMs: 'start_after_ms', actor: 'actor' },
  },
};

/** The function's name and arguments, with what stands for each value. Arguments without a value are left out. */
export function callOf(
  schema: string,
  method: Method,
  values: Readonly<Record<string, Value>>,
  placeholderOf: (name: string, value: Exclude<Value, undefined>) => string,
): string {
  const { name, positional, named, taking = {} } = signatures[method];
  const given = Object.entries(values).filter((entry): entry is [string, Exclude<Value, undefined>] => {
    if (!(entry[0] in positional) && !(entry[0] in named)) throw new Error(`${name} has no argument for ${entry[0]}`);
    return entry[1] !== undefined;
  });
  const said = new Map(given.map(([argument, value]) => [argument, placeholderOf(argument, value)]));
  const sayNamed = (argument: string) =>
    values[argument] === null && argument in taking
      ? `${taking[argument]} => true`
      : `${named[argument]} => ${said.get(argument)}`;
  const list = [
    ...Object.keys(positional).map((argument) => said.get(argument) ?? 'NULL'),
    ...given.flatMap(([argument]) => (argument in named ? [sayNamed(argument)] : [])),
  ];
  return `"${schema.replaceAll('"', '""')}".${name}(${list.join(', ')})`;
}

/** What the functions' rows and errors are in the library's names. */
export function answerOf(method: Method | null, result: Readonly<Record<string, unknown>>): Answer {
  if (typeof result.sqlState === 'string') {
    const refusedArgument =
      method && result.sqlState === '22023' ? refusedBy(method, String(result.message)) : undefined;
    return refusedArgument === undefined ? { sqlState: result.sqlState } : { refusedArgument };
  }
  const {
    delegation_id: delegationId,
    from_status: from,
    to_status: to,
    stuck_after_ms: stuckAfterMs,
    waiting_until: waitingUntil,
    late_result: lateResult,
    ...rest
  } = result;
  const until = typeof waitingUntil === 'string' ? new Date(waitingUntil).toISOString() : waitingUntil;
  const renamed = { ...rest, delegationId, from, to, stuckAfterMs, waitingUntil: until, lateResult };
  return Object.fromEntries(Object.entries(renamed).filter(([, value]) => value !== undefined));
}

/** The message begins with the argument's name. */
function refusedBy(method: Method, message: string): string | undefined {
  const { positional, named } = signatures[method];
  const [first] = message.split(' ');
  return Object.entries({ ...positional, ...named }).find(([, argument]) => argument === first)?.[0];
}
