import { type Html, html } from './html.ts';

/** The filters of the list, as its query string names them. */
export interface ListQuery {
  readonly status?: string;
  readonly caller?: string;
  readonly callee?: string;
  readonly 'older-than'?: string;
  readonly limit?: string;
  readonly after?: string;
}

/** The address of the list with these filters; those that are empty are left out. */
export function listHref(query: ListQuery): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0 ? '/delegations' : `/delegations?${new URLSearchParams(given)}`;
}

/**
 * The address of a delegation's page. A browser takes `.` and `..` for steps in the path, however they are encoded, so that
 * these two go into the query.
 */
export function delegationHref(delegationId: string): string {
  if (/^\.\.?$/.test(delegationId)) return `/delegations?${new URLSearchParams({ id: delegationId })}`;
  return `/delegations/${encodeURIComponent(delegationId)}`;
}

export function delegationLink(delegationId: string): Html {
  return html`<a href="${delegationHref(delegationId)}"><code>${delegationId}</code></a>`;
}

export function calleeLink(calleeId: string): Html {
  return html`<a href="${listHref({ callee: calleeId })}"><code>${calleeId}</code></a>`;
}

export function callerLink(callerId: string): Html {
  return html`<a href="${listHref({ caller: callerId })}"><code>${callerId}</code></a>`;
}
