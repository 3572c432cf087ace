import type { DiagLogger } from '@opentelemetry/api';
import { redactSecrets } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';

const REPEAT_MS = 60_000;
const KNOWN_MAX = 100;
const DETAIL_CHARACTERS_MAX = 500;

/** OpenTelemetry's own complaints, such as a collector that is away, as events of ours. */
export class Diagnostics implements DiagLogger {
  readonly #log: EventLog;
  readonly #saidAtMs = new Map<string, number>();

  constructor(log: EventLog) {
    this.#log = log;
  }

  error(message: string, ...more: unknown[]): void {
    this.#warn([message, ...more]);
  }

  warn(message: string, ...more: unknown[]): void {
    this.#warn([message, ...more]);
  }

  info(): void {}
  debug(): void {}
  verbose(): void {}

  #warn(parts: readonly unknown[]): void {
    const detail = redactSecrets(parts.map(textOf).join(' ')).slice(0, DETAIL_CHARACTERS_MAX);
    const nowMs = performance.now();
    const saidAtMs = this.#saidAtMs.get(detail);
    if (saidAtMs !== undefined && nowMs - saidAtMs < REPEAT_MS) return;
    if (this.#saidAtMs.size >= KNOWN_MAX) this.#saidAtMs.clear();
    this.#saidAtMs.set(detail, nowMs);
    this.#log.emit('telemetry.warning', { detail });
  }
}

/** The SDK hands over errors as JSON with their stacks. */
function textOf(part: unknown): string {
  if (part instanceof Error) return part.message;
  if (typeof part !== 'string') return JSON.stringify(part) ?? String(part);
  try {
    const { message } = JSON.parse(part) as { message?: unknown };
    return typeof message === 'string' ? message : part;
  } catch {
    return part;
  }
}
