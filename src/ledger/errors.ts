/** An argument that the ledger does not accept; nothing was written. `field` names it. */
export class InvalidArgumentError extends Error {
  override readonly name = 'InvalidArgumentError';
  readonly code = 'INVALID_ARGUMENT';
  readonly field: string;

  constructor(field: string, accepted: string) {
    super(`${field} ${accepted}`);
    this.field = field;
  }
}
