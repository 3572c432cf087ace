export interface CalleeCount {
  readonly calleeId: string;
  readonly count: number;
}
