import { ServerCallContext } from '@a2a-js/sdk/server';
import type { CalleeOptions, TaskScope } from './callee-options.ts';

const PROTOCOL_VERSION = '1.0';
const CALLER_UNKNOWN = 'a2a';

export function scopeOf(context: ServerCallContext): TaskScope {
  return { tenant: context.tenant ?? '', userName: context.user?.userName ?? '' };
}

/** The task store's key, as one text: two tasks of one id in two tenants, or of two users, are two. */
export function keyOf({ tenant, userName }: TaskScope, taskId: string): string {
  return JSON.stringify([tenant, userName, taskId]);
}

/** For what is done while no call is being served. */
export function contextOf({ contextOf: given }: CalleeOptions, scope: TaskScope): ServerCallContext {
  if (given !== undefined) return given(scope);
  const { tenant, userName } = scope;
  return new ServerCallContext({
    ...(tenant !== '' && { tenant }),
    user: { isAuthenticated: userName !== '', userName },
    requestedVersion: PROTOCOL_VERSION,
  });
}

export function callerOf({ callerId }: CalleeOptions, context: ServerCallContext): string {
  if (callerId !== undefined) return callerId(context);
  const { user } = context;
  return user?.isAuthenticated && user.userName !== '' ? user.userName : CALLER_UNKNOWN;
}
