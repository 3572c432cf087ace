/** How pg-boss writes jobs, in its own words. */
export interface JobInsertion {
  /** The quoted name of its schema. */
  readonly schema: string;
  /** The statement that inserts jobs, $1 being a JSON array of them; and the one that wakes the queue's workers, too. */
  readonly insert: string;
  readonly insertAndNotify: string;
  /** The name that stands for the queue's in both. */
  readonly queueName: string;
}
