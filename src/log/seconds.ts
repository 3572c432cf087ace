/** A duration as people read it, rounded down like the ledger's own texts: `7.3 s`, or `7 s` in whole seconds. */
export function seconds(ms: number, { whole = false }: { readonly whole?: boolean } = {}): string {
  const stepMs = whole ? 1000 : 100;
  return `${(Math.floor(ms / stepMs) * stepMs) / 1000} s`;
}
