/** The sweep that began last, by any replica. */
export interface LastSweep {
  readonly startedAt: Date;
  readonly trigger: string;
  readonly stuck: number;
  readonly failed: number;
  readonly poisoned: number;
  readonly remaining: number;
  readonly truncated: boolean;
  readonly held: boolean;
  readonly durationMs: number;
  readonly unobservedMs: number;
}
