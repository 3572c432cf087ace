import { errorFields } from '../../log/error-fields.ts';
import type { Answer } from '../answer.ts';
import { NoAnswer } from '../answer-within.ts';
import { html } from '../page/html.ts';
import { pageAnswer } from '../page/layout.ts';
import { BadEncoding } from '../query.ts';
import type { RefusalOf } from '../readiness.ts';
import { findForm } from './filter-form.ts';
import { Busy } from './turns.ts';

/** What an error means that came from a reading. */
export interface ProblemJudges {
  readonly refusalOf: RefusalOf;
  /** Whether it is none of the database's state, but a defect of this program. */
  readonly isDefect: (err: unknown) => boolean;
}

/** Why a page is not what was asked for. */
interface Problem {
  readonly status: number;
  readonly title: string;
  /** A sentence. */
  readonly detail: string;
}

/** A person may try again so soon. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The page in place of one that could not be read: what is wrong, and what to do. A defect is thrown again: the ops server
 * logs it and answers 500, since reloading does not help.
 */
export function problemAnswer(err: unknown, judges: ProblemJudges, version: string): Answer {
  const { status, title, detail } = problemOf(err, judges);
  const main = html`<section class="verdict bad" role="alert"><h1>${title}</h1><p>${detail}</p></section>
<section><h2>Find a delegation</h2>${findForm('')}</section>`;
  const headers: Record<string, string> = status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
  return pageAnswer(status, { title, current: null, main, footer: null, version }, headers);
}

function problemOf(err: unknown, { refusalOf, isDefect }: ProblemJudges): Problem {
  if (err instanceof BadEncoding) {
    const detail = `${err.message}. Write each other byte as % and two hexadecimal digits, in UTF-8.`;
    return { status: 400, title: 'Not an address', detail };
  }
  if (err instanceof Busy) {
    return {
      status: 503,
      title: 'Too much at once',
      detail: `${err.message} for the database. Reload the page in a moment.`,
    };
  }
  if (err instanceof NoAnswer) {
    const detail = `The database gave ${err.message}: it is slow or away. Reload the page in a moment; the sweeps go on without it.`;
    return { status: 503, title: 'The database did not answer in time', detail };
  }
  if (isDefect(err)) throw err;
  const { code, message } = errorFields(err);
  const what = `${message}${code === null ? '' : ` (${code})`}`;
  const refusal = refusalOf(err);
  if (refusal !== null) return { status: 503, title: 'The database refused', detail: `${what}; ${refusal.remedy}.` };
  return { status: 503, title: 'The database could not be read', detail: `${what}. Reload the page in a moment.` };
}
