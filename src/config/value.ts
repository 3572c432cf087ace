import * as z from 'zod';

/** How the text of a variable becomes a value. An issue's message says what is wrong and what is accepted. */
export interface Value<T> {
  readonly schema: z.ZodType<T, string>;
  /** For the docs. */
  readonly accepted: string;
}

/** `refusal` returns why a text is not accepted, `''` when `accepted` is explanation enough, null for a valid text. */
export function value<T>(
  accepted: string,
  refusal: (text: string) => string | null,
  read: (text: string) => T,
): Value<T> {
  const schema = z
    .string()
    .superRefine((text, context) => {
      const reason = refusal(text);
      if (reason === null) return;
      context.addIssue({ code: 'custom', message: `${reason && `${reason}; `}accepted: ${accepted}` });
    })
    .transform(read);
  return { schema, accepted };
}

/** A text that is used unchanged. */
export function textValue(accepted: string, refusal: (text: string) => string | null): Value<string> {
  return value(accepted, refusal, (text) => text);
}
