/** How pg-boss writes jobs, in its own words. */
export interface JobInsertion {
  /** The quoted name of its schema. */
  readonly schema: string;
  /**
   * The statement that inserts jobs, with their keys in $1 (text[]), their data in $2 (jsonb[]) and how many events the transaction
   * published before in $3 (bigint); and the one that wakes the queue's workers, too.
   */
  readonly insert: string;
  readonly insertAndNotify: string;
  /** The name that stands for the queue's in both. */
  readonly queueName: string;
}
