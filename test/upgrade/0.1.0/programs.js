/**
 * What version 0.1.0 runs: its library, and its daemon's beat and sweep. Its programs go on working while a ledger is
 * brought up to date under them. Never to be changed.
 *
 * Made from commit 18ea86a, the last before migration 0003, by bundling
 *
 *   export * from './src/index.ts';
 *   export { createEventLog } from './src/log/event-log.ts';
 *   export { Beat } from './src/sweeper/observed-time/beat.ts';
 *   export { SweeperState } from './src/sweeper/state.ts';
 *   export { Sweeper } from './src/sweeper/sweeper.ts';
 *   export { sweeperTables } from './src/sweeper/tables.ts';
 *
 * with esbuild --bundle --format=esm --platform=node --target=node24 --packages=external.
 */
// src/ledger/transitions.ts
var transitions = {
  queued: ["dispatched", "in_progress", "failed"],
  // A caller that never acknowledges the dispatched stage must not be punished: queued may skip it.
  dispatched: ["in_progress", "completed", "failed"],
  in_progress: ["completed", "failed", "stuck"],
  completed: [],
  failed: [],
  stuck: []
};
var statuses = Object.keys(transitions);
function isStatus(value) {
  return typeof value === "string" && Object.hasOwn(transitions, value);
}
function isTerminal(status) {
  return transitions[status].length === 0;
}
var terminalStatuses = statuses.filter(isTerminal);
var openStatuses = statuses.filter((status) => !isTerminal(status));
function mayBecome(from2, to) {
  return transitions[from2].includes(to);
}
function sourcesOf(to) {
  return statuses.filter((from2) => mayBecome(from2, to));
}
function isLateResult(from2, attempted2) {
  const result = attempted2 === "completed" || attempted2 === "failed";
  return result && (from2 === "stuck" || from2 === "failed") && from2 !== attempted2;
}

// src/ledger/activity.ts
var attemptEvents = ["delegation.late_result", "delegation.orphan_update"];
var activityEvents = [
  ...statuses.map((status) => `delegation.${status}`),
  ...attemptEvents
];
function replay(history) {
  return history.reduce((status, { toStatus }) => toStatus ?? status, null);
}

// src/ledger/errors.ts
var InvalidArgumentError = class extends Error {
  name = "InvalidArgumentError";
  code = "INVALID_ARGUMENT";
  field;
  constructor(field, accepted) {
    super(`${field} ${accepted}`);
    this.field = field;
  }
};

// src/ledger/keep-alive.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/ledger/arguments.ts
var ID_LENGTH_MAX = 200;
var HEARTBEAT_IDS_MAX = 1e4;
var INSTANT_MAX_MS = Date.UTC(9999, 11, 31);
var ISO_INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
var DURATION_MAX_MS = 10 * 365 * 24 * 36e5;
function assertText(field, value) {
  if (typeof value !== "string") throw new InvalidArgumentError(field, `must be a string, not ${typeOf(value)}`);
  if (value.includes("\0")) throw new InvalidArgumentError(field, "must not contain the NUL character (U+0000)");
  if (!value.isWellFormed())
    throw new InvalidArgumentError(field, "must not contain a lone surrogate (U+D800..U+DFFF)");
}
function assertId(field, value) {
  assertText(field, value);
  if (value.length === 0) throw new InvalidArgumentError(field, `must have 1 to ${ID_LENGTH_MAX} characters, not 0`);
  if (value.length <= ID_LENGTH_MAX) return;
  const characters = value.length > 2 * ID_LENGTH_MAX ? value.length : [...value].length;
  if (characters > ID_LENGTH_MAX) {
    throw new InvalidArgumentError(field, `must have 1 to ${ID_LENGTH_MAX} characters, not ${characters}`);
  }
}
function assertStatus(field, value) {
  if (!isStatus(value)) throw new InvalidArgumentError(field, `must be one of ${statuses.join(", ")}`);
}
function assertIds(field, value) {
  if (!Array.isArray(value)) throw new InvalidArgumentError(field, `must be an array of ids, not ${typeOf(value)}`);
  if (value.length > HEARTBEAT_IDS_MAX) {
    throw new InvalidArgumentError(field, `must have at most ${HEARTBEAT_IDS_MAX} ids, not ${value.length}`);
  }
  for (const [index, id] of value.entries()) assertId(`${field}[${index}]`, id);
}
function assertDurationMs(field, value) {
  if (typeof value !== "number" || !(value > 0 && value <= DURATION_MAX_MS)) {
    throw new InvalidArgumentError(field, `must be a positive number of milliseconds, at most ${DURATION_MAX_MS}`);
  }
}
function instantOf(field, value) {
  const instant2 = typeof value === "string" && isIsoInstant(value) ? new Date(value) : value;
  if (!(instant2 instanceof Date) || !(instant2.getTime() >= 0 && instant2.getTime() <= INSTANT_MAX_MS)) {
    throw new InvalidArgumentError(
      field,
      "must be a valid Date, or ISO 8601 text with a zone, of the years 1970 to 9999"
    );
  }
  return instant2;
}
function isIsoInstant(text2) {
  if (!ISO_INSTANT.test(text2)) return false;
  const day = text2.slice(0, "YYYY-MM-DD".length);
  const midnight = /* @__PURE__ */ new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}
function jsonBody(field, body) {
  if (body === void 0 || body === null) return null;
  let json;
  try {
    json = JSON.stringify(body, (key, value) => {
      assertText(field, key);
      if (typeof value === "string" || value instanceof String) assertText(field, String(value));
      return value;
    });
  } catch (err2) {
    if (err2 instanceof InvalidArgumentError) throw err2;
    throw new InvalidArgumentError(field, `must be JSON: ${err2.message}`);
  }
  if (json === void 0) throw new InvalidArgumentError(field, `must be JSON, not ${typeOf(body)}`);
  return json;
}
function idText(value) {
  return typeof value === "string" ? value : `(${typeOf(value)})`;
}
function typeOf(value) {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

// src/ledger/keep-alive.ts
var EVERY_MIN_MS = 100;
var EVERY_MAX_MS = 6e4;
var EVERY_UNKNOWN_MS = 6e4;
var RETRY_FAILED_MS = 1e3;
var KeepAlive = class {
  #controller = new AbortController();
  #lost = new AbortController();
  #loop;
  constructor(heartbeat, delegationId2, { everyMs, onTerminal }) {
    if (everyMs !== void 0) assertDurationMs("everyMs", everyMs);
    this.#loop = this.#run(heartbeat, delegationId2, everyMs, onTerminal);
    this.#loop.catch(() => {
    });
  }
  /** Aborted when the delegation is no longer this agent's to work on; its reason is the heartbeat's result. */
  get signal() {
    return this.#lost.signal;
  }
  async #run(heartbeat, delegationId2, everyMs, onTerminal) {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      const result = await heartbeat(delegationId2);
      if (result.outcome === "terminal" || result.outcome === "missing") {
        if (signal.aborted) return;
        this.#lost.abort(result);
        onTerminal?.(result);
        return;
      }
      const intervalMs = everyMs ?? intervalFor(result.stuckAfterMs);
      const waitMs = result.outcome === "failed" ? Math.min(intervalMs, RETRY_FAILED_MS) : intervalMs;
      await sleep(waitMs, void 0, { signal, ref: false }).catch(() => {
      });
    }
  }
  /** Ends the heartbeats; resolves when none is under way any more. @throws what onTerminal threw */
  async [Symbol.asyncDispose]() {
    this.#controller.abort();
    await this.#loop;
  }
};
function intervalFor(stuckAfterMs) {
  if (stuckAfterMs === void 0) return EVERY_UNKNOWN_MS;
  return Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, stuckAfterMs / 10));
}

// src/log/catalogue/daemon.ts
import { z as z2 } from "zod";

// src/log/catalogue/event.ts
function event(level, message, fields) {
  return { level, message, fields };
}

// src/log/catalogue/fields.ts
import { z } from "zod";
var milliseconds = (meaning) => z.int().min(0).describe(meaning).meta({ unit: "ms" });
var count = (meaning) => z.int().min(0).describe(meaning);
var text = (meaning) => z.string().min(1).describe(meaning);
var instant = (meaning) => z.iso.datetime().describe(meaning).meta({ unit: "ISO 8601 UTC" });
var sweepId = text("identifies the sweep; the same in all of its events");
var delegationId = text("the delegation");
var callerId = text("the agent that asked");
var calleeId = text("the agent that was asked");
var trigger = z.enum(["cron", "startup", "manual"]).describe("what set the sweep off: a tick, the daemon coming up, the command line");
var rule = z.enum(["stale", "overdue"]).describe("the rule of the sweep that matched the row");
var callees = z.array(z.strictObject({ calleeId: z.string(), count: z.int().min(1) })).max(5).describe("the callees with most of these rows, most first, five at most");
var err = z.strictObject({
  code: z.string().nullable().describe("SQLSTATE or Node error code; null when there is none"),
  message: z.string().describe("passwords redacted")
}).describe("code: the SQLSTATE or the Node error code, null when there is none; message: passwords redacted");
var session = {
  pid: z.int().nullable().describe("server process of the other session, for pg_terminate_backend"),
  user: z.string().nullable().describe("its database role"),
  applicationName: z.string().nullable().describe("its application_name"),
  state: z.string().nullable().describe("its state, such as `idle in transaction`"),
  transactionAgeMs: milliseconds("how long its transaction has been open").nullable()
};

// src/log/catalogue/daemon.ts
var daemonEvents = {
  "daemon.started": event(
    "info",
    "Daemon started",
    z2.strictObject({
      version: text("of delegation-sweeper"),
      config: z2.record(z2.string(), z2.unknown()).describe("the whole configuration, secrets redacted")
    })
  ),
  "daemon.stopping": event(
    "info",
    "Daemon stopping",
    z2.strictObject({
      signal: z2.string().nullable().describe("the signal that asked for it; null when a failure did")
    })
  ),
  "daemon.stopped": event(
    "info",
    "Daemon stopped",
    z2.strictObject({
      reason: text("the signal, or what went wrong"),
      durationMs: milliseconds("from the request to stop until everything had stopped")
    })
  ),
  "ops.listening": event(
    "info",
    "Ops server listening",
    z2.strictObject({
      host: text("address bound"),
      port: z2.int().min(1).max(65535).describe("port bound; the one chosen, when OPS_PORT is 0")
    })
  ),
  "ops.request_failed": event(
    "error",
    "A request to the ops server failed",
    z2.strictObject({ path: text("of the request, one of those that are served"), err })
  ),
  "telemetry.warning": event(
    "warn",
    "OpenTelemetry warns",
    z2.strictObject({
      detail: z2.string().describe("its message, passwords redacted; the same one at most once a minute")
    })
  ),
  "clock.skewed": event(
    "warn",
    "This host's clock differs from the database's; staleness is judged by the database's alone",
    z2.strictObject({
      skewMs: z2.int().describe("daemon minus database; negative: the daemon is behind").meta({ unit: "ms" })
    })
  ),
  "pgboss.warning": event(
    "warn",
    "pg-boss warns",
    z2.strictObject({
      type: text("pg-boss's name for the warning"),
      detail: z2.string().describe("its message, passwords redacted")
    })
  ),
  "pgboss.error": event("error", "pg-boss met an error", z2.strictObject({ err }))
};

// src/log/catalogue/database.ts
import { z as z3 } from "zod";
var databaseEvents = {
  "database.unavailable": event(
    "error",
    "Database unavailable, retrying",
    z3.strictObject({
      attempt: count("attempts in this outage, this one included"),
      retryInMs: milliseconds("wait before the next attempt"),
      err
    })
  ),
  "database.recovered": event(
    "info",
    "Database available again",
    z3.strictObject({ outageMs: milliseconds("from the first failed attempt to this success") })
  ),
  "database.schema_outdated": event(
    "error",
    "The database's schema is older than this code",
    z3.strictObject({
      component: z3.enum(["ledger", "pgboss"]).describe("whose schema"),
      found: z3.string().nullable().describe("version found; null when none is installed"),
      required: text("version that this code needs"),
      remedy: text("the command that brings it up to date")
    })
  ),
  "embedded.started": event(
    "info",
    "Embedded PostgreSQL running",
    z3.strictObject({
      dataDir: text("where it keeps its data"),
      joined: z3.boolean().describe("true: another process had started it, this one only connects")
    })
  ),
  "embedded.stopped": event(
    "info",
    "Embedded PostgreSQL stopped",
    z3.strictObject({ dataDir: text("where it keeps its data") })
  )
};

// src/log/catalogue/delegation.ts
import { z as z4 } from "zod";
var identity = { sweepId, delegationId, callerId, calleeId };
var transition = {
  fromStatus: text("status before"),
  toStatus: text("status after")
};
var delegationEvents = {
  "delegation.stuck": event(
    "warn",
    "Delegation stuck: its agent has gone silent",
    z4.strictObject({
      ...identity,
      ...transition,
      lastHeartbeat: instant("last sign of life"),
      silentMs: milliseconds("since then, by the clock"),
      stuckAfterMs: milliseconds("STUCK_AFTER, the observed silence that was allowed"),
      deadline: instant("when it would have been overdue")
    })
  ),
  "delegation.deadline_exceeded": event(
    "warn",
    "Delegation failed: deadline exceeded",
    z4.strictObject({
      ...identity,
      ...transition,
      deadline: instant("when it was due"),
      overdueMs: milliseconds("since then"),
      lastHeartbeat: instant("last sign of life; null when there was none").nullable()
    })
  )
};

// src/log/catalogue/demo.ts
import { z as z5 } from "zod";
var agent = text("the agent, which is the callee of its delegation");
var demoEvents = {
  "demo.started": event(
    "info",
    "Demo started",
    z5.strictObject({
      agents: count("delegations in the play"),
      stuckAfterMs: milliseconds("the silence that is allowed in it"),
      database: z5.enum(["embedded", "given"]).describe("the demo's own server, or the one that DATABASE_URL names"),
      schema: text("schema of the ledger's tables, dropped at the end"),
      limitMs: milliseconds("when the demo gives up")
    })
  ),
  "demo.agent": event(
    "info",
    "Something happened to an agent",
    z5.strictObject({
      agent,
      delegationId,
      pid: z5.int().nullable().describe("its process; null when none ever took the delegation"),
      act: z5.enum(["queued", "working", "delivered", "killed", "paused", "resumed", "told"]).describe("told: its heartbeat was answered with `terminal`"),
      detail: text("the same in words")
    })
  ),
  "demo.result": event(
    "info",
    "How a delegation ended",
    z5.strictObject({
      agent,
      delegationId,
      happened: text("to the agent"),
      status: z5.string().nullable().describe("what the ledger says at the end; null when it holds no such row"),
      errorDetail: z5.string().nullable().describe("the reason in the ledger, if there is one"),
      lateResult: z5.boolean().describe("a result that came too late was refused, and recorded"),
      asExpected: z5.boolean().describe("the delegation ended as it should"),
      problems: z5.array(z5.string()).describe("what is not as it should be")
    })
  ),
  "demo.completed": event(
    "info",
    "Demo completed",
    z5.strictObject({
      agents: count("delegations in the play"),
      asExpected: count("that ended as they should"),
      unexpected: z5.array(z5.string()).describe("the agents of the others"),
      timedOut: z5.boolean().describe("the demo gave up at its limit"),
      durationMs: milliseconds("from the start")
    })
  )
};

// src/log/catalogue/ledger.ts
import { z as z6 } from "zod";
var from = text("status that it has, and keeps");
var attempted = text("status that was asked for");
var ledgerEvents = {
  "ledger.insert_failed": event("error", "Delegation not recorded", z6.strictObject({ delegationId, callerId, err })),
  "ledger.heartbeat_failed": event(
    "error",
    "Heartbeat not recorded",
    z6.strictObject({
      delegationId: text("the delegation; the first one of a call with many"),
      count: count("delegations in the call"),
      err
    })
  ),
  "ledger.row_missing": event(
    "warn",
    "Heartbeat for a delegation that the ledger does not hold",
    z6.strictObject({ delegationId })
  ),
  "ledger.transition_refused": event(
    "warn",
    "Transition refused: statuses only go forward",
    z6.strictObject({ delegationId, from, to: attempted })
  ),
  "ledger.late_result": event(
    "warn",
    "Result arrived after the delegation was given up on; recorded in its activity",
    z6.strictObject({ delegationId, from, attempted })
  ),
  "ledger.orphan_update": event(
    "warn",
    "Update for a delegation that the ledger does not hold; recorded in the activity",
    z6.strictObject({ delegationId, attempted })
  )
};

// src/log/catalogue/sweep.ts
import { z as z7 } from "zod";
var sweepEvents = {
  "sweep.completed": event(
    "info",
    "Sweep completed",
    z7.strictObject({
      sweepId,
      trigger,
      stuck: count("delegations marked stuck"),
      failed: count("delegations failed for their deadline"),
      poisoned: count("rows whose update raises, left as they are"),
      remaining: count("rows that still match a rule, counted to 10,000 at most"),
      truncated: z7.boolean().describe("a rule used up SWEEP_MAX_ROWS; the next sweep goes on"),
      held: z7.boolean().describe("the storm guard held the stale rule"),
      batches: count("transactions that changed rows"),
      durationMs: milliseconds("of the sweep"),
      unobservedMs: milliseconds("unobserved time that did not count as silence"),
      oldestSilenceMs: milliseconds("longest silence among the marked; null when none was marked").nullable(),
      callees
    })
  ),
  "sweep.held": event(
    "error",
    "Storm guard holds the stale rule: too many delegations went silent at once",
    z7.strictObject({
      sweepId,
      stale: count("rows that would have been marked"),
      inFlight: count("delegations in progress"),
      ratio: z7.number().min(0).max(1).describe("stale / inFlight"),
      callees,
      heldForMs: milliseconds("since this hold began"),
      releasesInMs: milliseconds("until STORM_MAX_HOLD ends the hold")
    })
  ),
  "sweep.unobserved": event(
    "warn",
    "No daemon watched for a while; the gap does not count as silence",
    z7.strictObject({
      gapStart: instant("last beat before the gap"),
      gapEnd: instant("first beat after it"),
      gapMs: milliseconds("length of the gap")
    })
  ),
  "sweep.failed": event(
    "error",
    "Sweep failed",
    z7.strictObject({
      sweepId,
      trigger,
      err,
      retryable: z7.boolean().describe("true: it is tried again unchanged; false: it needs somebody")
    })
  ),
  "sweep.poisoned": event(
    "error",
    "A row cannot be updated; the sweep goes on without it",
    z7.strictObject({ sweepId, rule, delegationId, err })
  ),
  "sweep.row_locked": event(
    "warn",
    "A row past its threshold is kept locked by another session",
    z7.strictObject({ sweepId, delegationId, rule, ...session })
  ),
  "sweep.snapshot_held": event(
    "warn",
    "An old snapshot keeps dead index entries from being removed; sweeps get slower until it ends",
    z7.strictObject(session)
  ),
  "sweep.superseded": event(
    "info",
    "Another sweep took the lease over; this one ended after its batch",
    z7.strictObject({ sweepId, bySweepId: text("the sweep that holds the lease now") })
  ),
  "ledger.daily": event(
    "info",
    "False positives of the last day",
    z7.strictObject({
      marked: count("delegations marked stuck"),
      lateResults: count("of these, how many still delivered a result"),
      lateResultRatio: z7.number().min(0).max(1).nullable().describe("lateResults / marked, the measured false-positive rate; null when none was marked"),
      windowMs: milliseconds("length of the window counted")
    })
  )
};

// src/log/catalogue.ts
var catalogue = {
  ...daemonEvents,
  ...databaseEvents,
  ...sweepEvents,
  ...delegationEvents,
  ...ledgerEvents,
  ...demoEvents
};

// src/log/event-log.ts
function createEventLog(sink) {
  return {
    emit(event2, fields) {
      const { level, message } = catalogue[event2];
      sink[level]({ event: event2, ...fields }, message);
    }
  };
}

// src/log/logger.ts
import { context, isSpanContextValid, trace } from "@opentelemetry/api";
import { pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";

// src/log/turn-destination.ts
import { destination as openDestination } from "pino";
var HELD_MAX = 65536;
function turnDestination(fd) {
  const stream = openDestination({ dest: fd, sync: true });
  let held = "";
  const flush = () => {
    const lines = held;
    held = "";
    if (lines !== "") stream.write(lines);
  };
  process.on("exit", flush);
  return {
    write(line) {
      if (held === "") queueMicrotask(flush);
      held += line;
      if (held.length >= HELD_MAX) flush();
    }
  };
}

// src/log/logger.ts
function createLogger(options) {
  const { level, destination = "stdout", service = "delegation-sweeper", pretty = false } = options;
  const stream = typeof destination === "string" ? openStandard(destination) : destination;
  return pino(
    {
      level,
      base: { service },
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own would take { code, message } for an Error and add a type and a stack.
      serializers: { err: (err2) => err2 },
      mixin: activeTrace,
      mixinMergeStrategy: (line, ids) => ids === noTrace ? line : { ...line, ...ids }
    },
    pretty === false ? stream : prettified(stream, pretty === true ? { colors: hasColors(destination) } : pretty)
  );
}
var noTrace = {};
function activeTrace() {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : noTrace;
}
function openStandard(name) {
  return turnDestination(name === "stdout" ? 1 : 2);
}
var plainMessages = "message:reset,info:green,warn:yellow,error:red";
function prettified(stream, { colors, words }) {
  const prettify = prettyFactory({
    colorize: colors,
    messageKey: "message",
    translateTime: "SYS:HH:MM:ss.l",
    // pino-pretty would put an event's pid into the line's head.
    ignore: words ? "service,pid" : "service",
    ...words && { messageFormat: words, hideObject: true, customColors: plainMessages }
  });
  return {
    write(line) {
      stream.write(prettify(line));
    }
  };
}
function hasColors(destination) {
  if (typeof destination !== "string") return false;
  const terminal = process[destination];
  return terminal.isTTY === true && terminal.hasColors();
}

// src/log/error-fields.ts
import { isNativeError } from "node:util/types";
function errorFields(err2) {
  return { code: codeOf(err2), message: redactSecrets(messageOf(err2)) };
}
function codeOf(err2) {
  if (!isNativeError(err2)) return null;
  const { code } = err2;
  if (typeof code === "string") return code;
  return partsOf(err2)?.map(codeOf).find((inner) => inner !== null) ?? null;
}
function messageOf(err2) {
  if (!isNativeError(err2)) return String(err2);
  const parts = partsOf(err2);
  if (parts === null) return err2.message;
  const inner = [...new Set(parts.map(messageOf))].join("; ");
  return err2.message ? `${err2.message}: ${inner}` : inner;
}
function partsOf(err2) {
  const { errors } = err2;
  return err2.name === "AggregateError" && Array.isArray(errors) ? errors : null;
}
var passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S*@/gi;
var passwordAsParameter = /((?:password|passwd|pwd|passphrase)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&;,'"]+)/gi;
function redactSecrets(text2) {
  return text2.replace(passwordInUrl, "$1:***@").replace(passwordAsParameter, "$1***");
}

// src/ledger/best-effort.ts
import { sql } from "kysely";
async function bestEffort(db, work) {
  if (!db.isTransaction) return work();
  await sql`SAVEPOINT delegation_ledger`.execute(db);
  try {
    const result = await work();
    await sql`RELEASE SAVEPOINT delegation_ledger`.execute(db);
    return result;
  } catch (err2) {
    await sql`ROLLBACK TO SAVEPOINT delegation_ledger`.execute(db);
    await sql`RELEASE SAVEPOINT delegation_ledger`.execute(db);
    throw err2;
  }
}

// src/db/statement.ts
import { CompiledQuery } from "kysely";
var Statement = class {
  sql;
  constructor(sql2) {
    this.sql = sql2;
  }
  async run(db, parameters) {
    const { rows } = await db.executeQuery(CompiledQuery.raw(this.sql, parameters));
    return rows;
  }
};
function literals(values) {
  return values.map(literal).join(", ");
}
function literal(value) {
  return `'${value.replaceAll("'", "''")}'`;
}
function isOneOf(column, values) {
  return values.length === 0 ? "false" : `${column} IN (${literals(values)})`;
}

// src/ledger/statements/heartbeat.ts
var DEBOUNCE_SHARE_OF_THRESHOLD = 10;
var due = `d.finished_at IS NULL AND (d.last_heartbeat IS NULL OR d.last_heartbeat <= clock_timestamp()
    - least($2::float8, s.stuck_after_ms::float8 / ${DEBOUNCE_SHARE_OF_THRESHOLD}) * interval '1 millisecond')`;
var isOpen = isOneOf("d.status", openStatuses);
var stamp = "last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())";
var answer = `seen.delegation_id AS "delegationId", seen.status AS "status", seen.terminal AS "terminal",
  seen.due AS "due", seen.stuck_after_ms::float8 AS "stuckAfterMs"`;
function heartbeatStatement({ heartbeat }) {
  return new Statement(`SELECT ${heartbeat}($1, $2) AS "answer"`);
}
function heartbeatManyStatement({ delegations, sweeperState }) {
  return new Statement(`
WITH seen AS MATERIALIZED (
  SELECT d.delegation_id, d.status, d.finished_at IS NOT NULL AS terminal, ${due} AS due, s.stuck_after_ms
  FROM ${delegations} d LEFT JOIN ${sweeperState} s ON s.singleton
  WHERE d.delegation_id = ANY(ARRAY(SELECT unnest($1::text[])))),
locked AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM seen WHERE due)) AND ${isOpen}
  ORDER BY d.delegation_id FOR NO KEY UPDATE),
stamped AS (
  UPDATE ${delegations} d SET ${stamp} FROM locked WHERE d.delegation_id = locked.delegation_id
  RETURNING d.delegation_id)
SELECT ${answer}, stamped.delegation_id IS NOT NULL AS "stamped"
FROM seen LEFT JOIN stamped ON stamped.delegation_id = seen.delegation_id`);
}

// src/ledger/heartbeats.ts
var ROUNDS_MAX = 3;
var Heartbeats = class {
  #db;
  #log;
  #minIntervalMs;
  #one;
  #many;
  constructor(db, tables, log, minIntervalMs) {
    this.#db = db;
    this.#log = log;
    this.#minIntervalMs = minIntervalMs;
    this.#one = heartbeatStatement(tables);
    this.#many = heartbeatManyStatement(tables);
  }
  async beat(delegationId2) {
    const [result] = await this.#attempt([delegationId2], () => {
      assertId("delegationId", delegationId2);
      return this.#stamp([delegationId2]);
    });
    return result;
  }
  async beatMany(delegationIds) {
    return this.#attempt(delegationIds, () => {
      assertIds("delegationIds", delegationIds);
      return this.#stamp(delegationIds);
    });
  }
  async #attempt(ids, stamp2) {
    try {
      const rows = await bestEffort(this.#db, async () => stamp2());
      return ids.map((id) => this.#result(id, rows.get(id)));
    } catch (err2) {
      const list = Array.isArray(ids) ? ids.map(idText) : [];
      this.#log.emit("ledger.heartbeat_failed", {
        delegationId: list[0] || "(none)",
        count: list.length,
        err: errorFields(err2)
      });
      return list.map((delegationId2) => ({ delegationId: delegationId2, outcome: "failed", error: err2 }));
    }
  }
  async #stamp(ids) {
    const answers = /* @__PURE__ */ new Map();
    let asked = [...new Set(ids)];
    for (let round = 0; round < ROUNDS_MAX && asked.length > 0; round += 1) {
      const rows = await this.#run(asked);
      for (const row of rows) answers.set(row.delegationId, row);
      asked = rows.filter(({ due: due2, stamped }) => due2 && !stamped).map(({ delegationId: delegationId2 }) => delegationId2);
    }
    return answers;
  }
  async #run(ids) {
    if (ids.length > 1) return this.#many.run(this.#db, [ids, this.#minIntervalMs]);
    const rows = await this.#one.run(this.#db, [ids[0], this.#minIntervalMs]);
    return rows.flatMap(({ answer: answer2 }) => answer2 ?? []);
  }
  #result(delegationId2, row) {
    if (!row) {
      this.#log.emit("ledger.row_missing", { delegationId: delegationId2 });
      return { delegationId: delegationId2, outcome: "missing" };
    }
    const { status, terminal, stamped, stuckAfterMs } = row;
    return {
      delegationId: delegationId2,
      outcome: terminal ? "terminal" : stamped ? "stamped" : "fresh",
      status,
      ...stuckAfterMs !== null && { stuckAfterMs }
    };
  }
};

// src/ledger/preview.ts
var PREVIEW_BYTES_MAX = 4096;
function cutPreview(field, text2) {
  assertText(field, text2);
  if (text2.length * 3 <= PREVIEW_BYTES_MAX) return text2;
  const { read } = new TextEncoder().encodeInto(text2, new Uint8Array(PREVIEW_BYTES_MAX));
  return text2.slice(0, read);
}

// src/ledger/statements/insert.ts
var DEADLINE_DEFAULT_MS = 6 * 36e5;
function insertStatement({ delegations, activityLogs }) {
  return new Statement(`
WITH inserted AS (
  INSERT INTO ${delegations}
    (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5,
    coalesce($6::timestamptz, statement_timestamp() + $7::float8 * interval '1 millisecond'),
    statement_timestamp(), statement_timestamp())
  ON CONFLICT DO NOTHING
  RETURNING delegation_id, status),
recorded AS (
  INSERT INTO ${activityLogs} (delegation_id, event, to_status, actor, request_body)
  SELECT delegation_id, 'delegation.' || status, status, 'ledger', $8::jsonb FROM inserted)
SELECT delegation_id AS "delegationId", status AS "status" FROM inserted`);
}
function holderStatement({ delegations }) {
  const columns = `delegation_id AS "delegationId", status AS "status"`;
  return new Statement(`
(SELECT ${columns} FROM ${delegations} WHERE delegation_id = $1)
UNION ALL
(SELECT ${columns} FROM ${delegations} WHERE caller_id = $2 AND idempotency_key = $3::text)
LIMIT 1`);
}

// src/ledger/insertion.ts
var ROUNDS_MAX2 = 3;
var Insertion = class {
  #db;
  #log;
  #insert;
  #holder;
  constructor(db, tables, log) {
    this.#db = db;
    this.#log = log;
    this.#insert = insertStatement(tables);
    this.#holder = holderStatement(tables);
  }
  async insert(delegation) {
    const delegationId2 = idText(delegation?.delegationId);
    try {
      const parameters = parametersOf(delegation);
      return await bestEffort(this.#db, () => this.#write(parameters));
    } catch (err2) {
      if (err2 instanceof InvalidArgumentError) return { outcome: "invalid", delegationId: delegationId2, error: err2 };
      this.#log.emit("ledger.insert_failed", {
        delegationId: delegationId2,
        callerId: delegation.callerId,
        err: errorFields(err2)
      });
      return { outcome: "failed", delegationId: delegationId2, error: err2 };
    }
  }
  async #write(parameters) {
    const [delegationId2, callerId2, , , idempotencyKey] = parameters;
    for (let round = 0; round < ROUNDS_MAX2; round += 1) {
      const [inserted] = await this.#insert.run(this.#db, parameters);
      if (inserted) return { outcome: "inserted", ...inserted };
      const [holder] = await this.#holder.run(this.#db, [delegationId2, callerId2, idempotencyKey]);
      if (holder) return { outcome: "duplicate", ...holder };
    }
    throw new Error("the delegation that holds the id or idempotency key could not be read");
  }
};
function parametersOf(delegation) {
  if (typeof delegation !== "object" || delegation === null) {
    throw new InvalidArgumentError("delegation", "must be an object");
  }
  const { delegationId: delegationId2, callerId: callerId2, calleeId: calleeId2, taskPreview, idempotencyKey, deadline, deadlineMs } = delegation;
  assertId("delegationId", delegationId2);
  assertId("callerId", callerId2);
  assertId("calleeId", calleeId2);
  if (idempotencyKey != null) assertId("idempotencyKey", idempotencyKey);
  if (deadline != null && deadlineMs != null) {
    throw new InvalidArgumentError("deadlineMs", "must not be given together with deadline");
  }
  if (deadlineMs != null) assertDurationMs("deadlineMs", deadlineMs);
  return [
    delegationId2,
    callerId2,
    calleeId2,
    cutPreview("taskPreview", taskPreview),
    idempotencyKey ?? null,
    deadline == null ? null : instantOf("deadline", deadline),
    deadlineMs ?? DEADLINE_DEFAULT_MS,
    jsonBody("requestBody", delegation.requestBody)
  ];
}

// src/ledger/statements/read.ts
function getStatement({ delegations }) {
  return new Statement(`
SELECT delegation_id AS "delegationId", caller_id AS "callerId", callee_id AS "calleeId",
  task_preview AS "taskPreview", status AS "status", last_heartbeat AS "lastHeartbeat", deadline AS "deadline",
  idempotency_key AS "idempotencyKey", result_preview AS "resultPreview", error_detail AS "errorDetail",
  finished_at AS "finishedAt", created_at AS "createdAt", updated_at AS "updatedAt"
FROM ${delegations} WHERE delegation_id = $1`);
}
function historyStatement({ activityLogs }) {
  return new Statement(`
SELECT activity_id::float8 AS "activityId", delegation_id AS "delegationId", event AS "event",
  from_status AS "fromStatus", to_status AS "toStatus", actor AS "actor", detail AS "detail",
  request_body AS "requestBody", response_body AS "responseBody", created_at AS "createdAt"
FROM ${activityLogs} WHERE delegation_id = $1 ORDER BY activity_id`);
}

// src/ledger/statements/transition.ts
function transitionCtes({ delegations, activityLogs }, transition2) {
  const { to, actor, detail, responseBody = "NULL::jsonb", by = "key", returning = [] } = transition2;
  const set = {
    status: literal(to),
    updated_at: "clock_timestamp()",
    // Stamped on entry, so that an agent that dies before its first heartbeat is still found.
    ...to === "in_progress" && { last_heartbeat: "greatest(d.last_heartbeat, clock_timestamp())" },
    ...isTerminal(to) && { finished_at: "clock_timestamp()" },
    ...transition2.set
  };
  const assignments = Object.entries(set).map(([column, expression]) => `${column} = ${expression}`);
  return `
moved AS (
  UPDATE ${delegations} d SET ${assignments.join(", ")}
  FROM picked p
  WHERE ${by === "key" ? "d.delegation_id = p.delegation_id" : "d.ctid = p.place"} AND ${isOneOf("p.status", sourcesOf(to))}
  RETURNING ${["d.delegation_id", "p.status AS from_status", ...returning].join(", ")}),
recorded AS (
  INSERT INTO ${activityLogs} (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, ${literal(`delegation.${to}`)}, m.from_status, ${literal(to)}, ${actor}, ${detail}, ${responseBody}
  FROM moved m)`;
}

// src/ledger/statements/set-status.ts
function detailColumnOf(status) {
  if (status === "failed" || status === "stuck") return "error_detail";
  return status === "completed" ? "result_preview" : null;
}
function setStatusStatement(tables, to) {
  const column = detailColumnOf(to);
  const attempt = (event2, from2, where) => `
  INSERT INTO ${tables.activityLogs} (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, ${literal(event2)}, ${from2}, $3, $6::jsonb, $5::jsonb
  WHERE ${where}
  ON CONFLICT DO NOTHING`;
  const lateFrom = isOneOf(
    "p.status",
    statuses.filter((from2) => isLateResult(from2, to))
  );
  const filled = column ? `
filled AS (
  UPDATE ${tables.delegations} d SET ${column} = $2::text FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status = ${literal(to)} AND p.detail IS NULL AND $2 IS NOT NULL),` : "";
  return new Statement(`
WITH picked AS MATERIALIZED (
  SELECT delegation_id, status, ${column ?? "$2::text"} AS detail
  FROM ${tables.delegations} WHERE delegation_id = $1 FOR NO KEY UPDATE),
${transitionCtes(tables, {
    to,
    ...column && { set: { [column]: "$2::text" } },
    actor: "$3::text",
    detail: "$4::jsonb",
    responseBody: "$5::jsonb"
  })},
${filled}
late AS (${attempt("delegation.late_result", "(SELECT status FROM picked)", `EXISTS (SELECT FROM picked p WHERE ${lateFrom})`)}),
orphan AS (${attempt("delegation.orphan_update", "NULL::text", "NOT EXISTS (SELECT FROM picked)")})
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", ${lateFrom} AS "lateResult"
FROM picked p`);
}

// src/ledger/status-change.ts
var StatusChange = class {
  #db;
  #tables;
  #log;
  #statements = /* @__PURE__ */ new Map();
  constructor(db, tables, log) {
    this.#db = db;
    this.#tables = tables;
    this.#log = log;
  }
  async set(delegationId2, to, options) {
    const parameters = parametersOf2(delegationId2, to, options);
    const [found] = await this.#statement(to).run(this.#db, parameters);
    if (!found) {
      this.#log.emit("ledger.orphan_update", { delegationId: delegationId2, attempted: to });
      return { outcome: "missing", from: null, to };
    }
    const { from: from2, moved, lateResult } = found;
    if (moved) return { outcome: "changed", from: from2, to };
    if (from2 === to) return { outcome: "unchanged", from: from2, to };
    if (lateResult) this.#log.emit("ledger.late_result", { delegationId: delegationId2, from: from2, attempted: to });
    else this.#log.emit("ledger.transition_refused", { delegationId: delegationId2, from: from2, to });
    return { outcome: "refused", from: from2, to };
  }
  #statement(to) {
    const known = this.#statements.get(to);
    if (known) return known;
    const statement = setStatusStatement(this.#tables, to);
    this.#statements.set(to, statement);
    return statement;
  }
};
function parametersOf2(delegationId2, to, options) {
  assertId("delegationId", delegationId2);
  assertStatus("status", to);
  const { actor = "ledger", responseBody } = options;
  assertId("actor", actor);
  const detail = detailOf(to, options);
  return [
    delegationId2,
    detail.errorDetail ?? detail.resultPreview ?? null,
    actor,
    JSON.stringify(detail),
    jsonBody("responseBody", responseBody),
    JSON.stringify({ attempted: to, ...detail })
  ];
}
function detailOf(to, options) {
  const { errorDetail, resultPreview } = options;
  const column = detailColumnOf(to);
  if (errorDetail != null && column !== "error_detail") {
    throw new InvalidArgumentError("errorDetail", `goes with failed and stuck only, not with ${to}`);
  }
  if (resultPreview != null && column !== "result_preview") {
    throw new InvalidArgumentError("resultPreview", `goes with completed only, not with ${to}`);
  }
  return {
    ...errorDetail != null && { errorDetail: cutPreview("errorDetail", errorDetail) },
    ...resultPreview != null && { resultPreview: cutPreview("resultPreview", resultPreview) }
  };
}

// src/db/schema.ts
function tableReference(db, table) {
  const { sql: sql2 } = db.selectFrom(table).select("x").compile();
  return sql2.slice(sql2.indexOf(" from ") + " from ".length);
}

// src/ledger/tables.ts
function ledgerTables(db) {
  const delegations = tableReference(db, "delegations");
  return {
    delegations,
    heartbeat: delegations.replace(/"delegations"$/, '"delegation_heartbeat"'),
    activityLogs: tableReference(db, "activity_logs"),
    sweeperState: tableReference(db, "sweeper_state")
  };
}

// src/ledger/ledger.ts
var HEARTBEAT_MIN_INTERVAL_DEFAULT_MS = 15e3;
var DelegationLedger = class {
  #db;
  #heartbeats;
  #insertion;
  #statusChange;
  #get;
  #history;
  /** @throws InvalidArgumentError for a heartbeatMinIntervalMs that is not a positive number of milliseconds. */
  constructor(db, options = {}) {
    const { heartbeatMinIntervalMs = HEARTBEAT_MIN_INTERVAL_DEFAULT_MS } = options;
    assertDurationMs("heartbeatMinIntervalMs", heartbeatMinIntervalMs);
    const log = createEventLog(options.logger ?? defaultLogger());
    const tables = ledgerTables(db);
    this.#db = db;
    this.#insertion = new Insertion(db, tables, log);
    this.#statusChange = new StatusChange(db, tables, log);
    this.#heartbeats = new Heartbeats(db, tables, log, heartbeatMinIntervalMs);
    this.#get = getStatement(tables);
    this.#history = historyStatement(tables);
  }
  /** Records a new delegation as `queued`. Never throws: `invalid` names the field, `failed` was logged. */
  insert(delegation) {
    return this.#insertion.insert(delegation);
  }
  /**
   * Moves a delegation forward, with its activity, as one compare-and-set.
   * @throws InvalidArgumentError before anything is written, or the database's error.
   */
  setStatus(delegationId2, status, options = {}) {
    return this.#statusChange.set(delegationId2, status, options);
  }
  /** Says that the delegation's agent is alive. `terminal` and `missing` mean: stop working on it. Never throws. */
  heartbeat(delegationId2) {
    return this.#heartbeats.beat(delegationId2);
  }
  /** One result an id, in the order given, for one round trip. At most 10000 ids. Never throws. */
  heartbeatMany(delegationIds) {
    return this.#heartbeats.beatMany(delegationIds);
  }
  /** Heartbeats until disposed: `await using alive = ledger.keepAlive(id)`. @throws InvalidArgumentError */
  keepAlive(delegationId2, options = {}) {
    assertId("delegationId", delegationId2);
    return new KeepAlive((id) => this.heartbeat(id), delegationId2, options);
  }
  /** The row, or null. @throws InvalidArgumentError, or the database's error. */
  async get(delegationId2) {
    assertId("delegationId", delegationId2);
    const [row] = await this.#get.run(this.#db, [delegationId2]);
    return row ?? null;
  }
  /** Its activity, oldest first; empty for an unknown id. @throws InvalidArgumentError, or the database's error. */
  async history(delegationId2) {
    assertId("delegationId", delegationId2);
    return this.#history.run(this.#db, [delegationId2]);
  }
};
var sharedDefaultLogger;
function defaultLogger() {
  sharedDefaultLogger ??= createLogger({ level: "warn", destination: "stderr" });
  return sharedDefaultLogger;
}

// src/sweeper/instant.ts
var MICROS_PER_MS = 1e3;
function microsOf(expression) {
  return `(extract(epoch FROM ${expression}) * 1000000)::float8`;
}
function wholeMsOf(expression) {
  return `floor(date_part('epoch', ${expression}) * 1000 + 0.0005)`;
}
function timestampOf(parameter) {
  return `('1970-01-01 00:00:00+00'::timestamptz + ${parameter}::float8 * interval '1 microsecond')`;
}
function isoOf(micros) {
  return isoOfMs(Math.floor(micros / MICROS_PER_MS));
}
var ISO_MIN_MS = -621355968e5;
var ISO_MAX_MS = 253402300799999;
function isoOfMs(ms) {
  return new Date(Math.min(ISO_MAX_MS, Math.max(ISO_MIN_MS, ms))).toISOString();
}
function wholeMs(micros) {
  return Math.floor(micros / MICROS_PER_MS);
}

// src/sweeper/observed-time/horizon.ts
function horizonOf(nowUs, stuckAfterMs, gaps) {
  const plainUs = nowUs - stuckAfterMs * MICROS_PER_MS;
  const newestFirst = [...gaps].sort((a, b) => b.endUs - a.endUs);
  const atUs = newestFirst.reduce((h, { startUs, endUs }) => h < endUs ? h - (endUs - startUs) : h, plainUs);
  return { atUs, unobservedUs: plainUs - atUs };
}
function beatIntervalMs(stuckAfterMs) {
  return Math.min(1e4, stuckAfterMs / 10);
}
var BEATS_MISSED_MAX = 3;
function openGap(nowUs, beatAtUs, stuckAfterMs) {
  if (beatAtUs === null) return null;
  const silentUs = nowUs - beatAtUs;
  return silentUs > BEATS_MISSED_MAX * beatIntervalMs(stuckAfterMs) * MICROS_PER_MS ? { startUs: beatAtUs, endUs: nowUs } : null;
}
function observedHorizon({ nowUs, beatAtUs, gaps }, stuckAfterMs) {
  const open = openGap(nowUs, beatAtUs, stuckAfterMs);
  return horizonOf(nowUs, stuckAfterMs, open ? [...gaps, open] : gaps);
}

// src/sweeper/observed-time/beat.ts
var STUCK_AFTER_MAX_MS = 30 * 24 * 36e5;
var Beat = class {
  intervalMs;
  #state;
  #log;
  #stuckAfterMs;
  constructor(state, log, stuckAfterMs) {
    this.intervalMs = beatIntervalMs(stuckAfterMs);
    this.#state = state;
    this.#log = log;
    this.#stuckAfterMs = stuckAfterMs;
  }
  /** @throws the database's error. Returns by how much this host's clock is ahead of the database's, in ms. */
  async leave() {
    const before = Date.now();
    const { nowUs, gap } = await this.#state.beat(this.#stuckAfterMs, this.intervalMs * BEATS_MISSED_MAX);
    const after = Date.now();
    if (gap) {
      this.#log.emit("sweep.unobserved", {
        gapStart: isoOf(gap.startUs),
        gapEnd: isoOf(gap.endUs),
        gapMs: wholeMs(gap.endUs - gap.startUs)
      });
      const { gaps } = await this.#state.look();
      await this.#state.pruneGaps(horizonOf(nowUs, STUCK_AFTER_MAX_MS, gaps).atUs);
    }
    return { skewMs: Math.round((before + after) / 2 - wholeMs(nowUs)) };
  }
};

// src/sweeper/state.ts
var SWEEPS_KEPT = "8 days";
var SweeperState = class {
  #db;
  #open;
  #look;
  #beat;
  #storm;
  #close;
  #pruneGaps;
  constructor(db, { sweeperState, gaps, sweeps }) {
    this.#db = db;
    const columns = `${microsOf("clock_timestamp()")} AS "nowUs", ${microsOf("s.beat_at")} AS "beatAtUs", s.sweep_id AS "leaseId",
  ${microsOf("s.storm_held_since")} AS "heldSinceUs", ${microsOf("s.storm_released_at")} AS "releasedAtUs",
  coalesce((SELECT json_agg(json_build_object('startUs', ${microsOf("gap_start")}, 'endUs', ${microsOf("gap_end")}))
            FROM ${gaps}), '[]') AS "gaps"`;
    this.#open = new Statement(`UPDATE ${sweeperState} s SET sweep_id = $1 WHERE singleton RETURNING ${columns}`);
    this.#look = new Statement(`SELECT ${columns} FROM ${sweeperState} s WHERE singleton`);
    this.#beat = new Statement(`
WITH before AS MATERIALIZED (SELECT beat_at FROM ${sweeperState} WHERE singleton FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
tick AS MATERIALIZED (SELECT beat_at, clock_timestamp() AS now FROM before),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end)
  SELECT beat_at, now FROM tick WHERE beat_at < now - $2::float8 * interval '1 millisecond'
  RETURNING gap_start, gap_end),
beaten AS (UPDATE ${sweeperState} SET beat_at = now, stuck_after_ms = $1::bigint FROM tick WHERE singleton)
SELECT ${microsOf("tick.now")} AS "nowUs", ${microsOf("gap.gap_start")} AS "startUs", ${microsOf("gap.gap_end")} AS "endUs"
FROM tick LEFT JOIN gap ON true`);
    this.#storm = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf("$1")}, storm_released_at = ${timestampOf("$2")}
WHERE singleton`);
    this.#close = new Statement(`
WITH written AS (
  INSERT INTO ${sweeps} (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
    duration_ms, unobserved_ms, callees, marks)
  VALUES ($1, ${timestampOf("$2")}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)),
pruned AS (DELETE FROM ${sweeps} WHERE started_at < ${timestampOf("$2")} - interval '${SWEEPS_KEPT}')
UPDATE ${sweeperState} SET swept_at = clock_timestamp() WHERE singleton AND $15`);
    this.#pruneGaps = new Statement(`DELETE FROM ${gaps} WHERE gap_end <= ${timestampOf("$1")}`);
  }
  /** Takes the lease and reads the clock. */
  async open(sweepId2) {
    return opening(await this.#open.run(this.#db, [sweepId2]));
  }
  /** The same without the lease: for a dry run. */
  async look() {
    return opening(await this.#look.run(this.#db, []));
  }
  /**
   * Leaves a beat, and records the gap since the one before when it is longer than `gapAfterMs`.
   * Returns that gap, or null, and the database's clock.
   */
  async beat(stuckAfterMs, gapAfterMs) {
    const [row] = await this.#beat.run(this.#db, [stuckAfterMs, gapAfterMs]);
    const { nowUs, startUs, endUs } = stateRow(row);
    return { nowUs, gap: startUs === null || endUs === null ? null : { startUs, endUs } };
  }
  async keepStorm({ heldSinceUs, releasedAtUs }) {
    await this.#storm.run(this.#db, [heldSinceUs, releasedAtUs]);
  }
  /** Keeps a sweep for the day's figures and, when it went through, for every replica's readiness. */
  async close({ summary, startedAtUs, trigger: trigger2, wentThrough, callees: callees2, marks }) {
    await this.#close.run(this.#db, [
      summary.sweepId,
      startedAtUs,
      trigger2,
      summary.stuck,
      summary.failed,
      summary.poisoned,
      summary.remaining,
      summary.truncated,
      summary.held,
      summary.batches,
      summary.durationMs,
      summary.unobservedMs,
      JSON.stringify(callees2),
      JSON.stringify(marks),
      wentThrough
    ]);
  }
  /** Forgets the gaps that ended before any horizon can reach. */
  async pruneGaps(beforeUs) {
    await this.#pruneGaps.run(this.#db, [beforeUs]);
  }
};
function opening([row]) {
  const { nowUs, beatAtUs, leaseId: leaseId2, heldSinceUs, releasedAtUs, gaps } = stateRow(row);
  return { nowUs, beatAtUs, leaseId: leaseId2, storm: { heldSinceUs, releasedAtUs }, gaps };
}
function stateRow(row) {
  if (!row)
    throw new Error("sweeper_state has lost its one row; run `migrate up` on a fresh schema, or insert it again");
  return row;
}

// src/sweeper/sweeper.ts
import { randomUUID as randomUUID2 } from "node:crypto";

// src/db/sqlstate.ts
import { isNativeError as isNativeError2 } from "node:util/types";
var retryableClasses = /* @__PURE__ */ new Set([
  "08",
  // connection exception
  "40",
  // transaction rollback: serialization failure, deadlock
  "53",
  // insufficient resources: disk full, out of memory, too many connections
  "57",
  // operator intervention: shutdown, cancelled by timeout, starting up
  "58"
  // system error: I/O
]);
var retryableStates = /* @__PURE__ */ new Set([
  "25006",
  // read-only transaction: a standby, or a primary that is being demoted
  "25P03",
  // idle-in-transaction timeout
  "3D000",
  // the database is being restored or renamed
  "3F000",
  // schema dropped under us
  "42P01",
  // table dropped under us
  "55006",
  // object in use
  "55P03",
  // lock not available
  "XX000"
  // internal error, seen while a server crashes
]);
var retryableNodeCodes = /* @__PURE__ */ new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  // the unix socket of a server that is not up
  "EPIPE",
  "ETIMEDOUT"
]);
var retryableMessages = /connection terminated|connection ended|timeout expired|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable|cannot use a pool after calling end/i;
var ambiguousStates = /* @__PURE__ */ new Set(["3F000", "42P01", "XX000"]);
function mayBeOneRows(err2) {
  return !isRetryable(err2) || ambiguousStates.has(String(err2.code));
}
function isRetryable(err2) {
  if (!isNativeError2(err2)) return false;
  const { code, errors } = err2;
  if (Array.isArray(errors)) return errors.some(isRetryable);
  if (typeof code === "string") {
    if (retryableNodeCodes.has(code) || retryableStates.has(code)) return true;
    if (/^[0-9A-Z]{5}$/.test(code)) return retryableClasses.has(code.slice(0, 2));
  }
  return retryableMessages.test(err2.message);
}

// src/sweeper/dry-run.ts
import { randomUUID } from "node:crypto";

// src/sweeper/pass/rules.ts
var now = timestampOf("$1");
var horizon = timestampOf("$2");
var [inProgress] = sourcesOf("stuck");
var overdue = {
  name: "overdue",
  to: "failed",
  matches: `d.finished_at IS NULL AND d.deadline < ${now} AND $2::float8 IS NOT NULL`,
  key: "deadline",
  lateness: `${now} - d.deadline`,
  errorDetail: `'deadline exceeded'`
};
var stale = {
  name: "stale",
  to: "stuck",
  matches: `d.status = ${literal(inProgress)} AND d.heartbeat_bucket <= ${horizon} AND d.last_heartbeat < ${horizon}
    AND d.deadline >= ${now}`,
  key: "heartbeat_bucket",
  lateness: `${now} - d.last_heartbeat`,
  errorDetail: `'no heartbeat for ' || floor(extract(epoch FROM ${now} - d.last_heartbeat)) || 's'`
};
var rules = [overdue, stale];

// src/sweeper/storm/probe.ts
var inOrder = ({ key }) => `ORDER BY d.${key}, d.delegation_id`;
var inProgress2 = isOneOf("d.status", sourcesOf("stuck"));
var REMAINING_COUNT_MAX = 1e4;
var CALLEES_NAMED_MAX = 5;
function staleAtLeastStatement({ delegations }) {
  return new Statement(`
SELECT count(*) >= $3::int AS "reached"
FROM (SELECT FROM ${delegations} d WHERE ${stale.matches} ${inOrder(stale)} LIMIT $3::int) probed`);
}
function staleCountStatement({ delegations }) {
  return new Statement(`
WITH per AS (SELECT d.callee_id, count(*) AS rows FROM ${delegations} d WHERE ${stale.matches} GROUP BY d.callee_id)
SELECT coalesce(sum(rows), 0)::float8 AS "stale", count(*)::float8 AS "callees",
  coalesce((SELECT json_agg(json_build_object('calleeId', callee_id, 'count', rows))
            FROM (SELECT * FROM per ORDER BY rows DESC, callee_id LIMIT ${CALLEES_NAMED_MAX}) named), '[]') AS "top"
FROM per`);
}
function inFlightStatement({ delegations }) {
  return new Statement(`
SELECT count(*)::float8 AS "inFlight"
FROM (SELECT FROM ${delegations} d WHERE ${inProgress2} ${inOrder(stale)} LIMIT $1::bigint) counted`);
}
function remainingStatement({ delegations }) {
  const count2 = (rule2) => `(SELECT count(*)::float8
  FROM (SELECT FROM ${delegations} d WHERE ${rule2.matches} ${inOrder(rule2)} LIMIT ${REMAINING_COUNT_MAX}) counted) AS "${rule2.name}"`;
  return new Statement(`SELECT ${count2(overdue)}, ${count2(stale)}`);
}
function matchingStatement({ delegations }, rule2) {
  return new Statement(`
SELECT d.delegation_id AS "delegationId", d.caller_id AS "callerId", d.callee_id AS "calleeId", d.status AS "status",
  floor(extract(epoch FROM ${rule2.lateness}) * 1000)::float8 AS "latenessMs"
FROM ${delegations} d WHERE ${rule2.matches}
${inOrder(rule2)} LIMIT $3::int`);
}

// src/sweeper/summary.ts
function plannedRow(rule2, delegationId2, latenessMs) {
  return rule2 === "stale" ? { delegationId: delegationId2, rule: rule2, silentMs: latenessMs } : { delegationId: delegationId2, rule: rule2, overdueMs: latenessMs };
}

// src/sweeper/dry-run.ts
var DryRun = class {
  #db;
  #options;
  #state;
  #storms;
  #overdue;
  #stale;
  constructor(db, tables, options, { state, storms }) {
    this.#db = db;
    this.#options = options;
    this.#state = state;
    this.#storms = storms;
    this.#overdue = matchingStatement(tables, overdue);
    this.#stale = matchingStatement(tables, stale);
  }
  async run(force) {
    const { stuckAfterMs, rowsMax, batchRowsMax } = this.#options;
    const startedAtMs = performance.now();
    const opening2 = await this.#state.look();
    const { nowUs } = opening2;
    const horizon2 = observedHorizon(opening2, stuckAfterMs);
    const storm = await this.#storms.read(nowUs, horizon2.atUs, opening2.storm, force);
    const held = storm.action === "hold";
    const failed = await this.#named(this.#overdue, nowUs, horizon2.atUs, rowsMax);
    const stuck = await this.#named(this.#stale, nowUs, horizon2.atUs, this.#storms.rowsAllowed(storm, this.#options));
    const batches = (rows) => Math.ceil(rows.length / batchRowsMax);
    return {
      sweepId: randomUUID(),
      stuck: stuck.rows.length,
      failed: failed.rows.length,
      poisoned: 0,
      remaining: Math.min(failed.left + stuck.left, REMAINING_COUNT_MAX),
      truncated: failed.left > 0 || stuck.left > 0 && !held,
      held,
      batches: batches(failed.rows) + batches(stuck.rows),
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon2.unobservedUs),
      dryRun: true,
      rows: [
        ...failed.rows.map(({ delegationId: delegationId2, latenessMs }) => plannedRow("overdue", delegationId2, latenessMs)),
        ...stuck.rows.map(({ delegationId: delegationId2, latenessMs }) => plannedRow("stale", delegationId2, latenessMs))
      ]
    };
  }
  /** The rows within the budget, and how many more match, counted as far as `remaining` counts. */
  async #named(statement, nowUs, horizonUs, rowsMax) {
    const rows = await statement.run(this.#db, [nowUs, horizonUs, rowsMax + REMAINING_COUNT_MAX]);
    return { rows: rows.slice(0, rowsMax), left: Math.max(0, rows.length - rowsMax) };
  }
};

// src/sweeper/pass/tally.ts
var CALLEES_NAMED_MAX2 = 5;
var Tally = class {
  #rows = /* @__PURE__ */ new Map();
  add(calleeId2) {
    this.#rows.set(calleeId2, (this.#rows.get(calleeId2) ?? 0) + 1);
  }
  /** The five with most, most first. */
  top() {
    return [...this.#rows].map(([calleeId2, count2]) => ({ calleeId: calleeId2, count: count2 })).sort((a, b) => b.count - a.count || (a.calleeId < b.calleeId ? -1 : 1)).slice(0, CALLEES_NAMED_MAX2);
  }
};

// src/sweeper/pass/evidence.ts
var MARKS_KEPT_MAX = 10;
var Evidence = class {
  #log;
  #sweepId;
  #stuckAfterMs;
  #latest = [];
  /** Whose the marked rows are: all of them, and those that went silent. */
  callees = new Tally();
  stuckCallees = new Tally();
  /** The longest silence among the marked; null when none was. */
  oldestSilenceMs = null;
  constructor(log, sweepId2, stuckAfterMs) {
    this.#log = log;
    this.#sweepId = sweepId2;
    this.#stuckAfterMs = stuckAfterMs;
  }
  add(rule2, rows) {
    for (const row of rows) {
      this.callees.add(row.calleeId);
      if (rule2.name === "stale") this.#stuck(rule2, row);
      else this.#overdue(rule2, row);
    }
    this.#latest = [
      ...this.#latest,
      ...rows.slice(-MARKS_KEPT_MAX).map((row) => markRecord(rule2, row, this.#stuckAfterMs))
    ].slice(-MARKS_KEPT_MAX);
  }
  /** The last marks, oldest first. */
  get latest() {
    return this.#latest;
  }
  #stuck({ to }, row) {
    this.stuckCallees.add(row.calleeId);
    this.oldestSilenceMs = Math.max(this.oldestSilenceMs ?? 0, row.latenessMs);
    this.#log.emit("delegation.stuck", {
      ...this.#identity(row),
      fromStatus: row.fromStatus,
      toStatus: to,
      lastHeartbeat: isoOfMs(row.lastHeartbeatMs),
      silentMs: row.latenessMs,
      stuckAfterMs: this.#stuckAfterMs,
      deadline: isoOfMs(row.deadlineMs)
    });
  }
  #overdue({ to }, row) {
    this.#log.emit("delegation.deadline_exceeded", {
      ...this.#identity(row),
      fromStatus: row.fromStatus,
      toStatus: to,
      deadline: isoOfMs(row.deadlineMs),
      overdueMs: row.latenessMs,
      lastHeartbeat: row.lastHeartbeatMs === null ? null : isoOfMs(row.lastHeartbeatMs)
    });
  }
  #identity({ delegationId: delegationId2, callerId: callerId2, calleeId: calleeId2 }) {
    return { sweepId: this.#sweepId, delegationId: delegationId2, callerId: callerId2, calleeId: calleeId2 };
  }
};
function markRecord({ name: rule2 }, row, stuckAfterMs) {
  const { delegationId: delegationId2, callerId: callerId2, calleeId: calleeId2, fromStatus, latenessMs } = row;
  return { delegationId: delegationId2, callerId: callerId2, calleeId: calleeId2, rule: rule2, fromStatus, latenessMs, stuckAfterMs };
}

// src/sweeper/pass/poison-register.ts
var KNOWN_MAX = 1e4;
var SUSPECTS_MAX = 1e3;
var PoisonRegister = class {
  #log;
  #notices;
  constructor(log, notices) {
    this.#log = log;
    this.#notices = notices;
  }
  async known() {
    const all = await this.#notices.known("poisoned", KNOWN_MAX);
    return { all, suspects: all.slice(0, SUSPECTS_MAX) };
  }
  async report(sweepId2, rule2, poisons) {
    const errors = new Map(poisons.map(({ delegationId: delegationId2, err: err2 }) => [delegationId2, err2]));
    for (const delegationId2 of await this.#notices.due("poisoned", [...errors.keys()])) {
      this.#log.emit("sweep.poisoned", { sweepId: sweepId2, rule: rule2, delegationId: delegationId2, err: errorFields(errors.get(delegationId2)) });
    }
  }
  /** Forgets the suspects that raised no more. */
  async forgetHealed({ suspects }, poisons) {
    const poisoned = new Set(poisons.map(({ delegationId: delegationId2 }) => delegationId2));
    await this.#notices.forget(
      "poisoned",
      suspects.filter((id) => !poisoned.has(id))
    );
  }
};

// src/sweeper/tracing.ts
import { SpanStatusCode, trace as trace2 } from "@opentelemetry/api";
var tracer = trace2.getTracer("delegation-sweeper");
function inSpan(name, attributes, work, describe) {
  return tracer.startActiveSpan(name, { attributes: prefixed(attributes) }, async (span) => {
    try {
      const result = await work();
      if (span.isRecording()) span.setAttributes(prefixed(describe(result)));
      return result;
    } catch (err2) {
      recordError(span, err2);
      throw err2;
    } finally {
      span.end();
    }
  });
}
function recordError(span, err2) {
  const { code, message } = errorFields(err2);
  span.recordException({ name: code ?? "Error", message });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
function prefixed(attributes) {
  const entries = Object.entries(attributes);
  return Object.fromEntries(entries.map(([name, value]) => [`delegation_sweeper.${name}`, value]));
}

// src/sweeper/pass/mark.ts
var cursorStart = { keyUs: Number.NEGATIVE_INFINITY, delegationId: "" };
function isAfter(rule2, keyUs, delegationId2) {
  return `${place(rule2)} > ${placeOf(keyUs, delegationId2)}`;
}
function isUpTo(rule2, keyUs, delegationId2) {
  return `${place(rule2)} <= ${placeOf(keyUs, delegationId2)}`;
}
function place(rule2) {
  return `(d.${rule2.key}, d.delegation_id)`;
}
function placeOf(keyUs, delegationId2) {
  return `(CASE WHEN ${keyUs}::float8 = '-infinity' THEN '-infinity' ELSE ${timestampOf(keyUs)} END, ${delegationId2}::text)`;
}
function leaseId({ sweeperState }) {
  return `(SELECT sweep_id FROM ${sweeperState} WHERE singleton)`;
}
function planStatement(tables, rule2) {
  return new Statement(`
WITH matching AS (
  SELECT d.${rule2.key} AS key, d.delegation_id
  FROM ${tables.delegations} d
  WHERE ${rule2.matches} AND ${isAfter(rule2, "$4", "$5")} AND d.delegation_id <> ALL($6::text[])
  ORDER BY d.${rule2.key}, d.delegation_id LIMIT $3::int),
numbered AS (
  SELECT key, delegation_id, row_number() OVER places AS n, lead(delegation_id) OVER places IS NULL AS is_last
  FROM matching WINDOW places AS (ORDER BY key, delegation_id))
SELECT ${leaseId(tables)} AS "leaseId", e.delegation_id AS "delegationId", ${microsOf("e.key")} AS "keyUs",
  ((e.n - 1) % $7::int + 1)::int AS "rows"
FROM (VALUES ($7::int)) one LEFT JOIN (SELECT * FROM numbered WHERE n % $7::int = 0 OR is_last) e ON true
ORDER BY e.n`);
}
function markBatchStatement(tables, rule2) {
  return markStatement(tables, rule2, `${isWithin(rule2)} AND d.delegation_id <> ALL($6::text[])`);
}
function markRowsStatement(tables, rule2) {
  return markStatement(tables, rule2, "d.delegation_id = ANY($6::text[])");
}
function isWithin(rule2) {
  return `${isAfter(rule2, "$7", "$8")} AND ${isUpTo(rule2, "$9", "$10")}`;
}
function markStatement(tables, rule2, which) {
  const detail = `jsonb_build_object('rule', '${rule2.name}', 'sweepId', $3::text, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, ${rule2.name === "stale" ? `'stuckAfterMs', $4::float8, 'silentMs'` : `'overdueMs'`}, m.lateness_ms)`;
  return new Statement(`
WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status
  FROM ${tables.delegations} d
  WHERE ${rule2.matches}
    AND ${which}
    AND ${leaseId(tables)} = $3::text
  ORDER BY d.${rule2.key}, d.delegation_id LIMIT $5::int FOR NO KEY UPDATE SKIP LOCKED),
${transitionCtes(tables, {
    to: rule2.to,
    set: { error_detail: rule2.errorDetail },
    actor: `'sweeper'`,
    detail,
    // Locked, it stays where it is. A row that moved between this statement's snapshot and its lock is not seen there,
    // and is the next sweep's.
    by: "place",
    returning: [
      "d.caller_id",
      "d.callee_id",
      "d.last_heartbeat",
      "d.deadline",
      `${wholeMsOf(rule2.lateness)} AS lateness_ms`
    ]
  })}
SELECT ${leaseId(tables)} AS "leaseId", m.delegation_id AS "delegationId", m.caller_id AS "callerId",
  m.callee_id AS "calleeId", m.from_status AS "fromStatus", ${wholeMsOf("m.last_heartbeat")} AS "lastHeartbeatMs",
  ${wholeMsOf("m.deadline")} AS "deadlineMs", m.lateness_ms AS "latenessMs"
FROM (VALUES ($4::float8)) one LEFT JOIN moved m ON true`);
}
function batchKeysStatement(tables, rule2) {
  return new Statement(`
SELECT d.delegation_id AS "delegationId"
FROM ${tables.delegations} d
WHERE ${rule2.matches} AND ${isAfter(rule2, "$4", "$5")} AND ${isUpTo(rule2, "$6", "$7")}
  AND d.delegation_id <> ALL($8::text[])
ORDER BY d.${rule2.key}, d.delegation_id LIMIT $3::int`);
}

// src/sweeper/pass/ranges.ts
var WINDOW_BATCHES = 16;
var AHEAD_BATCHES = 4;
var Ranges = class {
  #plan;
  #windowRows;
  #queue = [];
  #after;
  #isAll = false;
  #planning = null;
  constructor(plan, start, batchRowsMax, rowsMax) {
    this.#plan = plan;
    this.#after = start;
    this.#windowRows = Math.min(rowsMax, WINDOW_BATCHES * batchRowsMax);
  }
  /** The next one; null when no row is left. @throws the database's error. */
  async next() {
    while (this.#queue.length === 0 && !this.#isAll) await this.#extend();
    const range = this.#queue.shift() ?? null;
    if (range && this.#queue.length === AHEAD_BATCHES && !this.#isAll) this.#extend().catch(() => {
    });
    return range;
  }
  #extend() {
    this.#planning ??= this.#planOn().finally(() => {
      this.#planning = null;
    });
    return this.#planning;
  }
  async #planOn() {
    const ends = await this.#plan(this.#after, this.#windowRows);
    for (const upTo of ends) {
      this.#queue.push({ after: this.#after, upTo, rows: upTo.rows });
      this.#after = upTo;
    }
    this.#isAll = ends.reduce((rows, end) => rows + end.rows, 0) < this.#windowRows;
  }
};

// src/sweeper/pass/rule-sweep.ts
var POISONS_NEW_MAX = 100;
var LANES = 2;
var RuleSweep = class {
  #db;
  #rule;
  #plan;
  #batch;
  #rows;
  #keys;
  constructor(db, tables, rule2) {
    this.#db = db;
    this.#rule = rule2.name;
    this.#plan = planStatement(tables, rule2);
    this.#batch = markBatchStatement(tables, rule2);
    this.#rows = markRowsStatement(tables, rule2);
    this.#keys = batchKeysStatement(tables, rule2);
  }
  /** @throws the database's error when it is one that concerns more than a row. No batch is in flight then. */
  async run(pass) {
    const progress = new Progress(pass);
    await this.#isolate(pass, progress, pass.poisons.suspects.slice(0, pass.rowsMax));
    const plan = async (after, rowsMax) => progress.rowsOf(await this.#planAfter(pass, after, rowsMax));
    const ranges = new Ranges(plan, cursorStart, pass.batchRowsMax, pass.rowsMax);
    const lanes = Array.from({ length: LANES }, () => this.#takeRanges(pass, progress, ranges));
    const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === "rejected");
    if (failed) throw failed.reason;
    return progress.outcome();
  }
  async #takeRanges(pass, progress, ranges) {
    try {
      while (!progress.ended()) {
        const range = await ranges.next();
        if (range === null || progress.ended()) return;
        await this.#take(pass, progress, range);
      }
    } catch (err2) {
      progress.fail();
      throw err2;
    }
  }
  async #take(pass, progress, range) {
    const rowsMax = progress.reserve(range.rows);
    if (rowsMax === 0) return;
    try {
      const refused = await this.#commit(progress, this.#markBatch(pass, range, rowsMax));
      if (!refused) return;
      const ids = await this.#idsOf(pass, range, rowsMax);
      if (ids.length > 0) await this.#isolateHalves(pass, progress, ids, refused.err);
    } finally {
      progress.release(rowsMax);
    }
  }
  /** Marks these rows; when one of them raises, halves them until it stands alone. */
  async #isolate(pass, progress, ids) {
    if (ids.length === 0 || progress.ended()) return;
    const refused = await this.#commit(progress, this.#markRows(pass, ids));
    if (refused) await this.#isolateHalves(pass, progress, ids, refused.err);
  }
  /** Counts what was marked. Returns the error when one of the rows raised it, and throws one that is not theirs. */
  async #commit(progress, marking) {
    const answers = await marking.catch((err2) => {
      if (!mayBeOneRows(err2)) throw err2;
      return { err: err2 };
    });
    if ("err" in answers) return answers;
    progress.commit(answers);
    return null;
  }
  async #isolateHalves(pass, progress, ids, err2) {
    if (ids.length === 1) {
      progress.poison(ids[0], err2);
      return;
    }
    const middle = Math.ceil(ids.length / 2);
    await this.#isolate(pass, progress, ids.slice(0, middle));
    await this.#isolate(pass, progress, ids.slice(middle));
  }
  #planAfter(pass, after, rowsMax) {
    const { nowUs, horizonUs, poisons, batchRowsMax } = pass;
    const { keyUs, delegationId: delegationId2 } = after;
    return this.#plan.run(this.#db, [nowUs, horizonUs, rowsMax, keyUs, delegationId2, poisons.all, batchRowsMax]);
  }
  #markBatch(pass, range, rowsMax) {
    const { nowUs, horizonUs, sweepId: sweepId2, stuckAfterMs, poisons } = pass;
    const bounds = boundsOf(range);
    return this.#mark(this.#batch, [nowUs, horizonUs, sweepId2, stuckAfterMs, rowsMax, poisons.all, ...bounds]);
  }
  #markRows({ nowUs, horizonUs, sweepId: sweepId2, stuckAfterMs }, ids) {
    return this.#mark(this.#rows, [nowUs, horizonUs, sweepId2, stuckAfterMs, ids.length, ids]);
  }
  #mark(statement, parameters) {
    return inSpan(
      "sweep batch",
      { rule: this.#rule },
      () => statement.run(this.#db, parameters),
      (answers) => ({ rows: answers.filter(({ delegationId: delegationId2 }) => delegationId2 !== null).length })
    );
  }
  async #idsOf({ nowUs, horizonUs, poisons }, range, rowsMax) {
    const rows = await this.#keys.run(this.#db, [nowUs, horizonUs, rowsMax, ...boundsOf(range), poisons.all]);
    return rows.map(({ delegationId: delegationId2 }) => delegationId2);
  }
};
function boundsOf({ after, upTo }) {
  return [after.keyUs, after.delegationId, upTo.keyUs, upTo.delegationId];
}
var Progress = class {
  #pass;
  /** By id: both lanes may meet the same row. */
  #poisons = /* @__PURE__ */ new Map();
  #batches = 0;
  #marked = 0;
  /** Rows that the batches in flight may still mark. */
  #reserved = 0;
  #superseded = false;
  #failed = false;
  constructor(pass) {
    this.#pass = pass;
  }
  /** Takes a batch's rows out of the budget, as far as it goes, until they are released. */
  reserve(rows) {
    const granted = Math.max(0, Math.min(rows, this.#pass.rowsMax - this.#marked - this.#reserved));
    this.#reserved += granted;
    return granted;
  }
  release(rows) {
    this.#reserved -= rows;
  }
  /** The answer's rows, and whether the lease is still ours. */
  rowsOf(answers) {
    this.#superseded ||= answers[0]?.leaseId !== this.#pass.sweepId;
    return answers.filter((answer2) => answer2.delegationId !== null);
  }
  commit(answers) {
    const rows = this.rowsOf(answers);
    if (rows.length === 0) return;
    this.#marked += rows.length;
    this.#batches += 1;
    this.#pass.onMarked(rows);
  }
  poison(delegationId2, err2) {
    this.#poisons.set(delegationId2, { delegationId: delegationId2, err: err2 });
  }
  /** A batch has met an error that ends the pass: the other lanes start no more. */
  fail() {
    this.#failed = true;
  }
  ended() {
    return this.#failed || this.#end() !== "done";
  }
  outcome() {
    return { marked: this.#marked, batches: this.#batches, poisons: [...this.#poisons.values()], end: this.#end() };
  }
  #end() {
    if (this.#superseded) return "superseded";
    if (this.#pass.signal.aborted) return "aborted";
    if (this.#poisons.size > this.#pass.poisons.suspects.length + POISONS_NEW_MAX) return "poisoned";
    return this.#marked >= this.#pass.rowsMax ? "budget" : "done";
  }
};

// src/sweeper/status/day.ts
var LATE_RESULTS_MAX = 1e4;
var dayAgo = `clock_timestamp() - interval '1 day'`;
function dayStatement({ sweeps, activityLogs, delegations, gaps }) {
  return new Statement(`
SELECT s.*, l.*, g.*
FROM (
  SELECT count(*)::float8 AS "sweeps", coalesce(sum(stuck), 0)::float8 AS "stuck",
    coalesce(sum(failed), 0)::float8 AS "failed"
  FROM ${sweeps} WHERE started_at >= ${dayAgo}) s,
(
  SELECT count(DISTINCT late.delegation_id)::float8 AS "lateResults"
  FROM (
    SELECT a.delegation_id FROM ${activityLogs} a
    WHERE a.to_status IS NULL AND a.created_at >= ${dayAgo} AND a.event = 'delegation.late_result'
      AND a.from_status = ${literal("stuck")}
    LIMIT ${LATE_RESULTS_MAX}) late
  JOIN ${delegations} d ON d.delegation_id = late.delegation_id AND d.finished_at >= ${dayAgo}) l,
(
  SELECT coalesce(sum(floor(extract(epoch FROM gap_end - greatest(gap_start, ${dayAgo})) * 1000)), 0)::float8 AS "unobservedMs"
  FROM ${gaps} WHERE gap_end > ${dayAgo}) g`);
}
function falsePositiveRatio({ stuck, lateResults }) {
  return stuck === 0 ? null : Math.min(1, lateResults / stuck);
}

// src/sweeper/standing-faults/daily-report.ts
var WINDOW_MS = 24 * 36e5;
var DailyReport = class {
  #db;
  #log;
  #notices;
  #day;
  constructor(db, tables, log, notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#day = dayStatement(tables);
  }
  async report() {
    const due2 = await this.#notices.due("daily", ["false positives"], "1 day");
    if (due2.length === 0) return;
    const day = (await this.#day.run(this.#db, []))[0];
    this.#log.emit("ledger.daily", {
      marked: day.stuck,
      lateResults: day.lateResults,
      lateResultRatio: falsePositiveRatio(day),
      windowMs: WINDOW_MS
    });
  }
};

// src/sweeper/standing-faults/sessions.ts
var sessionColumns = `a.pid AS "pid", a.usename::text AS "user", a.application_name AS "applicationName",
  a.state AS "state", floor(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "transactionAgeMs"`;

// src/sweeper/standing-faults/lock-report.ts
var ROWS_NAMED_MAX = 20;
var ROWS_LOOKED_AT_MAX = 1e3;
function lockedRowsStatement({ delegations }, rule2) {
  return new Statement(`
WITH touched AS MATERIALIZED (
  SELECT d.delegation_id, d.xmax AS xid FROM ${delegations} d
  WHERE ${rule2.matches} AND d.xmax <> '0'::xid ORDER BY d.${rule2.key}, d.delegation_id LIMIT ${ROWS_LOOKED_AT_MAX}),
-- xmax also names whoever has let go since; that a row can be locked says so.
free AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM touched)) FOR NO KEY UPDATE SKIP LOCKED),
locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted AND pid <> pg_backend_pid()),
users AS MATERIALIZED (
  SELECT DISTINCT a.pid, a.backend_xid AS xid FROM locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.relation = ${literal(delegations)}::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
    AND a.datname = current_database() AND a.backend_xid IS NOT NULL)
SELECT t.delegation_id AS "delegationId", ${sessionColumns}
FROM touched t
LEFT JOIN locks l ON l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid = t.xid
LEFT JOIN pg_stat_activity a
  ON a.pid = coalesce(l.pid, (SELECT min(u.pid) FROM users u WHERE age(u.xid) > age(t.xid) HAVING count(*) = 1))
WHERE t.delegation_id NOT IN (SELECT delegation_id FROM free)
LIMIT ${ROWS_NAMED_MAX}`);
}
var LockReport = class {
  #db;
  #log;
  #notices;
  #lockedRows;
  constructor(db, tables, log, notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#lockedRows = new Map(rules.map((rule2) => [rule2.name, lockedRowsStatement(tables, rule2)]));
  }
  /** Costs nothing after a sweep that left nothing. */
  async report(sweepId2, nowUs, horizonUs, summary) {
    if (summary.remaining === 0 || summary.truncated) return;
    for (const [rule2, statement] of this.#lockedRows) {
      const rows = await statement.run(this.#db, [nowUs, horizonUs]);
      const byId = new Map(rows.map((row) => [row.delegationId, row]));
      for (const delegationId2 of await this.#notices.due("row_locked", [...byId.keys()])) {
        this.#log.emit("sweep.row_locked", { sweepId: sweepId2, rule: rule2, ...byId.get(delegationId2) });
      }
    }
  }
};

// src/sweeper/standing-faults/notices.ts
var REPEAT_AFTER = "1 hour";
var FORGET_AFTER = "1 day";
var Notices = class {
  #db;
  #due;
  #known;
  #forget;
  #prune;
  constructor(db, { notices }) {
    this.#db = db;
    this.#due = new Statement(`
INSERT INTO ${notices} AS n (kind, subject, noticed_at)
SELECT $1, subject, clock_timestamp() FROM unnest($2::text[]) subject ORDER BY subject
ON CONFLICT (kind, subject) DO UPDATE SET noticed_at = excluded.noticed_at
WHERE n.noticed_at <= excluded.noticed_at - $3::interval
RETURNING subject AS "subject"`);
    this.#known = new Statement(
      `SELECT subject AS "subject" FROM ${notices} WHERE kind = $1 ORDER BY noticed_at LIMIT $2::int`
    );
    this.#forget = new Statement(`DELETE FROM ${notices} WHERE kind = $1 AND subject = ANY($2::text[])`);
    this.#prune = new Statement(
      `DELETE FROM ${notices} WHERE noticed_at < clock_timestamp() - interval '${FORGET_AFTER}'`
    );
  }
  /** Of these subjects, the ones to be said now; from here on they count as said. */
  async due(kind, subjects, repeatAfter = REPEAT_AFTER) {
    if (subjects.length === 0) return [];
    const rows = await this.#due.run(this.#db, [kind, subjects, repeatAfter]);
    return rows.map(({ subject }) => subject);
  }
  async known(kind, countMax) {
    const rows = await this.#known.run(this.#db, [kind, countMax]);
    return rows.map(({ subject }) => subject);
  }
  async forget(kind, subjects) {
    if (subjects.length > 0) await this.#forget.run(this.#db, [kind, subjects]);
  }
  async prune() {
    await this.#prune.run(this.#db, []);
  }
};

// src/sweeper/standing-faults/snapshot-report.ts
var SNAPSHOT_AGE = "2 minutes";
var REPEAT_AFTER2 = "1 day";
var SESSIONS_NAMED_MAX = 5;
var oldSnapshots = new Statement(`
SELECT a.pid || '/' || extract(epoch FROM a.backend_start) AS "subject", ${sessionColumns}
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker' AND a.xact_start < clock_timestamp() - $1::interval
ORDER BY a.xact_start LIMIT ${SESSIONS_NAMED_MAX}`);
var SnapshotReport = class {
  #db;
  #log;
  #notices;
  constructor(db, log, notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
  }
  async report(olderThan = SNAPSHOT_AGE) {
    const sessions = await oldSnapshots.run(this.#db, [olderThan]);
    const bySubject = new Map(sessions.map(({ subject, ...session2 }) => [subject, session2]));
    for (const subject of await this.#notices.due("snapshot_held", [...bySubject.keys()], REPEAT_AFTER2)) {
      this.#log.emit("sweep.snapshot_held", bySubject.get(subject));
    }
  }
};

// src/sweeper/storm/storm-guard.ts
var calm = { heldSinceUs: null, releasedAtUs: null };
var CALLEES_MIN = 2;
function looksLikeStorm({ stale: stale2, callees: callees2, inFlight }, { minStale, ratio }) {
  return ratio > 0 && stale2 > 0 && stale2 >= minStale && callees2 >= CALLEES_MIN && stale2 >= ratio * inFlight;
}
function inFlightCountMax(stale2, ratio) {
  return Math.floor(stale2 / ratio) + 1;
}
function judgeStorm(storm, state, { maxHoldMs }, nowUs, force) {
  if (!storm) return { action: "sweep", state: calm };
  if (force) return { action: "sweep", state };
  if (state.releasedAtUs !== null) return { action: "trickle", state };
  const heldSinceUs = state.heldSinceUs ?? nowUs;
  if (nowUs - heldSinceUs >= maxHoldMs * MICROS_PER_MS) {
    return { action: "trickle", state: { heldSinceUs, releasedAtUs: nowUs } };
  }
  return { action: "hold", state: { heldSinceUs, releasedAtUs: null } };
}

// src/sweeper/storm/storm-watch.ts
var quiet = { stale: 0, inFlight: 0, callees: [] };
var StormWatch = class {
  #db;
  #options;
  #staleAtLeast;
  #staleCount;
  #inFlight;
  constructor(db, tables, options) {
    this.#db = db;
    this.#options = options;
    this.#staleAtLeast = staleAtLeastStatement(tables);
    this.#staleCount = staleCountStatement(tables);
    this.#inFlight = inFlightStatement(tables);
  }
  /** What the verdict lets a sweep mark stale. */
  rowsAllowed({ action }, { rowsMax, batchRowsMax }) {
    return { sweep: rowsMax, hold: 0, trickle: Math.min(rowsMax, batchRowsMax) }[action];
  }
  async read(nowUs, horizonUs, state, force) {
    const options = this.#options;
    const judge = (storm2) => judgeStorm(storm2, state, options, nowUs, force);
    if (options.ratio === 0) return { ...judge(false), ...quiet };
    const minStale = Math.max(1, options.minStale);
    const [probe] = await this.#staleAtLeast.run(this.#db, [nowUs, horizonUs, minStale]);
    if (!probe.reached) return { ...judge(false), ...quiet };
    const { stale: stale2, callees: callees2, top } = (await this.#staleCount.run(this.#db, [nowUs, horizonUs]))[0];
    const countMax = inFlightCountMax(stale2, options.ratio);
    const { inFlight } = (await this.#inFlight.run(this.#db, [countMax]))[0];
    const storm = looksLikeStorm({ stale: stale2, callees: callees2, inFlight }, options);
    return { ...judge(storm), stale: stale2, inFlight, callees: top };
  }
};

// src/sweeper/tables.ts
function sweeperTables(db) {
  return {
    ...ledgerTables(db),
    gaps: tableReference(db, "sweeper_gaps"),
    sweeps: tableReference(db, "sweeper_sweeps"),
    notices: tableReference(db, "sweeper_notices")
  };
}

// src/sweeper/sweeper.ts
var Sweeper = class {
  #options;
  #log;
  #observer;
  #state;
  #notices;
  #poisons;
  #storms;
  #locks;
  #snapshots;
  #daily;
  #rules;
  #remaining;
  #dryRun;
  constructor(db, log, options, observer) {
    const tables = sweeperTables(db);
    this.#options = options;
    this.#log = log;
    this.#observer = observer;
    this.#state = new SweeperState(db, tables);
    this.#notices = new Notices(db, tables);
    this.#poisons = new PoisonRegister(log, this.#notices);
    this.#storms = new StormWatch(db, tables, options.storm);
    this.#locks = new LockReport(db, tables, log, this.#notices);
    this.#snapshots = new SnapshotReport(db, log, this.#notices);
    this.#daily = new DailyReport(db, tables, log, this.#notices);
    this.#rules = { overdue: new RuleSweep(db, tables, overdue), stale: new RuleSweep(db, tables, stale) };
    const remaining = remainingStatement(tables);
    this.#remaining = async (nowUs, horizonUs) => (await remaining.run(db, [nowUs, horizonUs]))[0];
    this.#dryRun = new DryRun(db, tables, options, { state: this.#state, storms: this.#storms });
  }
  /** Marks, and logs each mark with its evidence. Logs `sweep.failed` and throws when the database fails. */
  async sweep(request) {
    const sweepId2 = randomUUID2();
    const { trigger: trigger2 } = request;
    return inSpan(
      "sweep",
      { sweep_id: sweepId2, trigger: trigger2 },
      async () => {
        try {
          return await this.#sweep(sweepId2, request);
        } catch (err2) {
          this.#log.emit("sweep.failed", { sweepId: sweepId2, trigger: trigger2, err: errorFields(err2), retryable: isRetryable(err2) });
          throw err2;
        }
      },
      ({ stuck, failed, poisoned, held, truncated }) => ({ stuck, failed, poisoned, held, truncated })
    );
  }
  async #sweep(sweepId2, { trigger: trigger2, force = false, signal }) {
    const startedAtMs = performance.now();
    const opening2 = await this.#state.open(sweepId2);
    const openedAtMs = performance.now();
    const horizon2 = observedHorizon(opening2, this.#options.stuckAfterMs);
    const horizonMs = wholeMs(opening2.nowUs - horizon2.atUs);
    const evidence = new Evidence(this.#log, sweepId2, this.#options.stuckAfterMs);
    const poisons = await this.#poisons.known();
    const run = (rule2, rowsMax) => this.#rules[rule2.name].run({
      sweepId: sweepId2,
      nowUs: opening2.nowUs,
      horizonUs: horizon2.atUs,
      stuckAfterMs: this.#options.stuckAfterMs,
      batchRowsMax: this.#options.batchRowsMax,
      rowsMax,
      poisons,
      signal: signal ?? new AbortController().signal,
      onMarked: (rows) => {
        evidence.add(rule2, rows);
        this.#observer?.marked(rule2.name, latenciesMs(rule2, rows, horizonMs, performance.now() - openedAtMs));
      }
    });
    const failed = await run(overdue, this.#options.rowsMax);
    await this.#poisons.report(sweepId2, "overdue", failed.poisons);
    const storm = await this.#readStorm(sweepId2, opening2, horizon2, force);
    const stuck = await run(stale, this.#storms.rowsAllowed(storm, this.#options));
    await this.#poisons.report(sweepId2, "stale", stuck.poisons);
    const outcomes = [failed, stuck];
    throwIfPoisoned(outcomes);
    const remaining = await this.#remaining(opening2.nowUs, horizon2.atUs);
    const summary = {
      sweepId: sweepId2,
      stuck: stuck.marked,
      failed: failed.marked,
      poisoned: failed.poisons.length + stuck.poisons.length,
      remaining: Math.min(remaining.overdue + remaining.stale, REMAINING_COUNT_MAX),
      truncated: isTruncated(failed, remaining.overdue) || isTruncated(stuck, storm.action === "hold" ? 0 : remaining.stale),
      held: storm.action === "hold",
      batches: failed.batches + stuck.batches,
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon2.unobservedUs),
      dryRun: false,
      rows: []
    };
    await this.#locks.report(sweepId2, opening2.nowUs, horizon2.atUs, summary);
    await this.#snapshots.report();
    await this.#daily.report();
    if (outcomes.some(({ end }) => end === "superseded")) {
      this.#log.emit("sweep.superseded", { sweepId: sweepId2, bySweepId: (await this.#state.look()).leaseId ?? "none" });
    }
    const wentThrough = outcomes.every(({ end }) => end === "done" || end === "budget");
    if (wentThrough) {
      if (outcomes.every(({ end }) => end === "done")) {
        await this.#poisons.forgetHealed(
          poisons,
          outcomes.flatMap((outcome) => outcome.poisons)
        );
      }
      await this.#notices.prune();
    }
    await this.#state.close({
      summary,
      startedAtUs: opening2.nowUs,
      trigger: trigger2,
      wentThrough,
      callees: evidence.stuckCallees.top(),
      marks: evidence.latest
    });
    this.#log.emit("sweep.completed", {
      ...summaryFields(summary),
      trigger: trigger2,
      oldestSilenceMs: evidence.oldestSilenceMs,
      callees: evidence.callees.top()
    });
    return summary;
  }
  /** What a sweep would do now, changing nothing. */
  dryRun({ force = false } = {}) {
    return this.#dryRun.run(force);
  }
  async #readStorm(sweepId2, opening2, horizon2, force) {
    const { nowUs, storm: before } = opening2;
    const storm = await this.#storms.read(nowUs, horizon2.atUs, before, force);
    const { state } = storm;
    if (state.heldSinceUs !== before.heldSinceUs || state.releasedAtUs !== before.releasedAtUs) {
      await this.#state.keepStorm(state);
    }
    if (storm.action === "hold") {
      const heldForMs = wholeMs(nowUs - (state.heldSinceUs ?? nowUs));
      this.#log.emit("sweep.held", {
        sweepId: sweepId2,
        stale: storm.stale,
        inFlight: storm.inFlight,
        ratio: storm.stale / storm.inFlight,
        callees: [...storm.callees],
        heldForMs,
        releasesInMs: Math.max(0, this.#options.storm.maxHoldMs - heldForMs)
      });
    }
    return storm;
  }
};
function throwIfPoisoned(outcomes) {
  const poisoned = outcomes.find(({ end }) => end === "poisoned");
  if (poisoned) throw poisoned.poisons.at(-1).err;
}
function isTruncated({ end }, remaining) {
  return end === "aborted" || end === "superseded" || end === "budget" && remaining > 0;
}
function latenciesMs(rule2, rows, horizonMs, sinceOpeningMs) {
  const allowedMs = rule2.name === "stale" ? horizonMs : 0;
  return rows.map(({ latenessMs }) => Math.max(0, latenessMs - allowedMs + sinceOpeningMs));
}
function summaryFields({ dryRun: _, rows: __, ...fields }) {
  return fields;
}
export {
  Beat,
  DelegationLedger,
  InvalidArgumentError,
  KeepAlive,
  Sweeper,
  SweeperState,
  createEventLog,
  isTerminal,
  mayBecome,
  replay,
  statuses,
  sweeperTables,
  transitions
};
