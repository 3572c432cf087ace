/** The attribute of a span or a measurement of what failed, by OpenTelemetry's conventions: the class of the error. */
export const ERROR_TYPE = 'error.type';

/** Names of the classes of SQLSTATE (its first two characters) that are distinguished. */
const sqlstateClasses: Readonly<Record<string, string>> = {
  '08': 'connection',
  '23': 'constraint',
  '25': 'transaction_state',
  '28': 'authorization',
  '3D': 'no_database',
  '40': 'rollback',
  '42': 'statement',
  '53': 'resources',
  '55': 'not_available',
  '57': 'intervention',
  '58': 'system',
  XX: 'internal',
};

export const errorClasses: readonly string[] = [
  ...new Set(Object.values(sqlstateClasses)),
  'network',
  'timeout',
  'other',
];

/** The class of an error; one of `errorClasses`. */
export function errorClass({ code, message }: { readonly code: string | null; readonly message: string }): string {
  if (code !== null && /^[0-9A-Z]{5}$/.test(code)) {
    const known = sqlstateClasses[code.slice(0, 2)];
    if (known !== undefined) return known;
  }
  if (code !== null && /^E[A-Z_]+$/.test(code)) return 'network';
  // node-postgres gives its own errors no code.
  if (/timeout/i.test(message)) return 'timeout';
  return /connection/i.test(message) ? 'connection' : 'other';
}
