import type { Check } from './schema-function.ts';

/** W3C Trace Context, level 2: version, trace id, parent id and flags; later versions may append. */
export const traceparentCheck: Check = [
  `traceparent !~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}' OR char_length(traceparent) > 200`,
  `'traceparent must be a W3C trace context'`,
];
