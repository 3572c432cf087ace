import { StreamResponse } from '@a2a-js/sdk';
import { legacyPushNotificationToV1StreamResponse } from '@a2a-js/sdk/compat/v0_3';

/** The event in a notification's body, of protocol 1.0 or 0.3; undefined for what is none. */
export function eventOf(body: string): StreamResponse | undefined {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
    const event = 'kind' in json ? legacyPushNotificationToV1StreamResponse(json) : StreamResponse.fromJSON(json);
    return taskIdOf(event) === '' ? undefined : event;
  } catch {
    return undefined;
  }
}

/** Empty where it names none. */
export function taskIdOf({ payload }: StreamResponse): string {
  return (payload?.$case === 'task' ? payload.value.id : payload?.value?.taskId) ?? '';
}
