export type EmbeddedPostgresErrorCode =
  | 'package_missing'
  | 'binaries_unusable'
  | 'data_dir_unusable'
  | 'version_mismatch'
  | 'already_running'
  | 'start_failed';

/** Why there is no embedded server. The message says what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
