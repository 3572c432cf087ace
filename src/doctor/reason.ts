import { errorFields } from '../log/error-fields.ts';

/** An error as one line without secrets, with its code. */
export function reasonOf(err: unknown): string {
  const { code, message } = errorFields(err);
  const line = message.replace(/\s*\n\s*/g, ' ').trim();
  return code === null ? line : `${line} (${code})`;
}
