/** How the connections of a pool are used now. */
export interface PoolUse {
  readonly inUse: number;
  readonly idle: number;
  /** Queries that wait for a connection. */
  readonly waiting: number;
}
