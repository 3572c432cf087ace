import type { DiagLogger } from '@opentelemetry/api';
import { redactSecrets } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';

const REPEAT_MS = 60_000;
const DETAIL_CHARACTERS_MAX = 500;

/** Turns OpenTelemetry's own warnings, such as a collector that is away, into events. Emits telemetry.warning. */
export class Diagnostics implements DiagLogger {
  readonly #log: EventLog;
  readonly #repeats = new Repeats(REPEAT_MS);

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
    if (this.#repeats.claim(detail)) this.#log.emit('telemetry.warning', { detail });
  }
}

/** The SDK passes errors as JSON with their stacks. */
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
