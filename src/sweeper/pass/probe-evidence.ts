/** What came of asking a row's agent before the row was marked. */
export interface ProbeEvidence {
  readonly outcome: string;
  readonly reason: string | null;
}
