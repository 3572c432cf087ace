/** Of a delegation that names no deadline: six hours, as the column's own default says. */
export const DEADLINE_DEFAULT_MS = 6 * 3_600_000;
