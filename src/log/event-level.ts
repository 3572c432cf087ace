export type EventLevel = 'info' | 'warn' | 'error' | 'fatal';
