import { redactUrl } from './database-url.ts';

export interface Problem {
  /** The environment variable. */
  readonly variable: string;
  /** Its value, secrets redacted; null when it is not set, or must not be shown. */
  readonly value: string | null;
  /** Why it is refused, and what is accepted. */
  readonly reason: string;
}

const shownMax = 200;

/** The environment is not usable. Holds every problem at once, so that one attempt is enough to mend them. */
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

/** The value as a problem may show it. A URL may have got into any variable by mistake. */
export function shown(variable: string, value: string): string {
  const secret = variable === 'DATABASE_URL' || /:\/\/|\S@|passw\w*\s*=/i.test(value);
  return secret ? redactUrl(value) : value;
}
