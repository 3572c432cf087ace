import { readSecrets } from '../config/webhook.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { Repeats } from '../log/repeats.ts';

/** Where the secrets are: in the configuration, or in a file that may change at run time. */
export type SecretSource = { readonly secrets: readonly string[] } | { readonly file: string };

const UNREADABLE_REPEAT_MS = 60_000;

/**
 * The secrets to sign with, one or two. A file is read at each use: a mounted secret is replaced in one step, by a link. When
 * it cannot be read, those that were read before are used. Emits webhook.secret_unreadable.
 */
export class SigningSecrets {
  readonly #source: SecretSource;
  readonly #log: EventLog;
  readonly #unreadable = new Repeats(UNREADABLE_REPEAT_MS);
  #last: readonly string[] | null = null;

  constructor(source: SecretSource, log: EventLog) {
    this.#source = source;
    this.#log = log;
  }

  /** Null while none was ever readable. */
  current(): readonly string[] | null {
    if ('secrets' in this.#source) return this.#source.secrets;
    try {
      this.#last = readSecrets(this.#source.file);
    } catch (err) {
      if (this.#unreadable.claim('file')) {
        this.#log.emit('webhook.secret_unreadable', {
          file: this.#source.file,
          reason: errorFields(err).message,
          usesEarlier: this.#last !== null,
        });
      }
    }
    return this.#last;
  }
}
