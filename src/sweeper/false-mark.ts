import { literal } from '../db/literal.ts';

/** SQL: the activity `a` is a result that came after its delegation was marked stuck: its agent was alive. */
export const isFalseMark = `a.to_status IS NULL AND a.event = 'delegation.late_result'
      AND a.from_status = ${literal('stuck')} AND a.detail ->> 'attempted' <> ${literal('stuck')}`;
