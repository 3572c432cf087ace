/**
 * SQL: a text in which `byte` stands for each byte of its UTF-8 that the pattern `plain` does not match. `byte` is SQL over
 * `b.n`, its number. `plain` is a literal that matches texts of such characters, all of them ASCII.
 */
export function encodedBytes(text: string, { plain, byte }: { readonly plain: string; readonly byte: string }): string {
  return `(CASE WHEN ${text} ~ ${plain} THEN ${text} ELSE (
    SELECT string_agg(CASE WHEN b.n < 128 AND chr(b.n) ~ ${plain} THEN chr(b.n)
      ELSE ${byte} END, '' ORDER BY b.i)
    FROM (SELECT i, get_byte(convert_to(${text}, 'UTF8'), i) AS n
      FROM generate_series(0, octet_length(convert_to(${text}, 'UTF8')) - 1) i) b) END)`;
}
