/** The text is not an acceptable URL; the message says why, without any part of it that may be secret. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly code = 'INVALID_DATABASE_URL';
}
