import { redactUrl } from './database-url.ts';
import { shownWebhookUrl } from './webhook.ts';

export interface Problem {
  /** The environment variable. */
  readonly variable: string;
  /** Its value, secrets redacted; null when it is not set, or must not be shown. */
  readonly value: string | null;
  /** Why it is not accepted, and what is. */
  readonly reason: string;
}

const shownMax = 200;

/**
 * The environment cannot be used. Holds all problems, so that they can be corrected at once. The message has one line per
 * problem, with the variable, its value (secrets redacted) and what is accepted.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(['Invalid configuration:', ...problems.map((problem) => `  ${line(problem)}`)].join('\n'));
    this.problems = problems;
  }
}

function line({ variable, value, reason }: Problem): string {
  if (value === null) return `${variable}: ${reason}`;
  const shown = value.length > shownMax ? `${value.slice(0, shownMax)}...` : value;
  return `${variable}=${JSON.stringify(shown)}: ${reason}`;
}

/** The value as a problem may show it: redacted, since any variable may hold a URL by mistake. */
export function shown(variable: string, value: string): string {
  if (variable === 'WEBHOOK_SECRET' || /whsec_/i.test(value)) return '***';
  if (variable === 'WEBHOOK_URL') return shownWebhookUrl(value);
  const secret = variable === 'DATABASE_URL' || /:\/\/|\S@|passw\w*\s*=/i.test(value);
  return secret ? redactUrl(value) : value;
}
